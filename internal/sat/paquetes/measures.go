package paquetes

import "github.com/pasarela-mx/pasarela/internal/store"

// Measures is what whoever watches this machine may know of its packages.
type Measures struct {
	// Free are the bytes that the disk of the packages on their way has free, and
	// Needed how many it must have for one more to be asked for.
	Free, Needed int64
	// Floor is what it keeps free: below it nothing comes, of nobody.
	Floor int64
	// Postponed counts the downloads that were not asked for since the start, as this
	// machine had not what they take.
	Postponed int64
}

// Measures measures; what the disk does not tell is missing from it.
func (a *Vault) Measures() (Measures, error) {
	a.mu.Lock()
	h := store.Gap{Estimated: a.greater}
	a.mu.Unlock()
	var floor int64
	free, needed, err := a.store.Folder.Place(h)
	if err == nil {
		_, floor, err = a.store.Folder.Floor()
	}
	return Measures{Free: free, Needed: needed, Floor: floor, Postponed: a.postponed.Load()}, err
}

// postpone counts a download that is not asked for, and says so to whoever wanted it.
func (a *Vault) postpone(err error) error {
	a.postponed.Add(1)
	return withoutResources(err)
}
