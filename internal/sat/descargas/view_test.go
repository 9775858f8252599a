package descargas

import (
	"context"
	"errors"
	"testing"

	"github.com/pasarela-mx/pasarela/internal/gateway"
)

func TestView_WhenThereIsNoSuchDescarga(t *testing.T) {
	t.Parallel()
	v := newWorkshop(t).View
	for name, read := range map[string]func(context.Context, string) error{
		"Registered": func(ctx context.Context, id string) error { _, err := v.Registered(ctx, id); return err },
		"Descarga":   func(ctx context.Context, id string) error { _, err := v.Descarga(ctx, id); return err },
		"LastEvento": func(ctx context.Context, id string) error { _, err := v.LastEvento(ctx, id); return err },
		"WaitEvento": func(ctx context.Context, id string) error { return v.WaitEvento(ctx, id, 0) },
	} {
		if err := read(t.Context(), "nadie"); !errors.Is(err, ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRegistered_IsWhatWasAskedFor: whose it is and what it is of can be told without
// its solicitudes.
func TestRegistered_IsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	whole := w.finish(w.new(nil))
	d, err := w.Registered(t.Context(), whole.ID)
	if err != nil || d.Estado != gateway.DescargaTerminada || d.Request.Solicitud.RFCSolicitante != whole.Request.Solicitud.RFCSolicitante || d.Solicitudes != nil {
		t.Errorf("%+v, %v", d, err)
	}
}

// TestCancel_WhenItHasEndedNothingIsWritten: neither a line of the ledger nor a new date.
func TestCancel_WhenItHasEndedNothingIsWritten(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	before := w.finish(w.new(nil))
	last, err := w.LastEvento(t.Context(), before.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.pass(1e9)
	after, err := w.Cancel(t.Context(), before.ID)
	if err != nil || after.Estado != before.Estado || !after.Updated.Equal(before.Updated) {
		t.Errorf("%+v, %v", after, err)
	}
	if now, err := w.LastEvento(t.Context(), before.ID); err != nil || now != last {
		t.Errorf("event %d behind %d, %v", now, last, err)
	}
}
