package gateway

import "context"

// Work says, for the log, on whose behalf a system is called. Unknown fields are empty.
type Work struct {
	// RequestID is the id of the API request.
	RequestID string
	// IDDescarga is the descarga, and Solicitud the number of the solicitud within it.
	IDDescarga string
	Solicitud  int64
}

type workKey struct{}

// WithWork returns a context that carries w.
func WithWork(ctx context.Context, w Work) context.Context {
	return context.WithValue(ctx, workKey{}, w)
}

// WorkOf returns the Work that ctx carries.
func WorkOf(ctx context.Context) Work {
	w, _ := ctx.Value(workKey{}).(Work)
	return w
}
