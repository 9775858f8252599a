package gateway

import "context"

// Work is on whose behalf a system is called, for the log. Fields are empty where there
// is no such thing.
type Work struct {
	// RequestID is that of the API request.
	RequestID string
	// IDDescarga is the descarga, and Solicitud the number of its solicitud.
	IDDescarga string
	Solicitud  int64
}

type workKey struct{}

// WithWork marks what ctx leads to as part of w.
func WithWork(ctx context.Context, w Work) context.Context {
	return context.WithValue(ctx, workKey{}, w)
}

// WorkOf returns what ctx is part of.
func WorkOf(ctx context.Context) Work {
	w, _ := ctx.Value(workKey{}).(Work)
	return w
}
