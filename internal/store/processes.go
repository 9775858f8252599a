package store

// Processes knows who of those that write to one database is alive.
type Processes interface {
	// ID is this process's; no other has ever had it.
	ID() string
	// Alive is false when the process is surely dead.
	Alive(id string) bool
	// Lost reports whether the others may hold this process for dead.
	Lost() bool
}
