package store

import (
	"context"
	"strconv"
	"time"
)

// TramosAplazados returns up to limite live solicitudes in nobody's hands that wait
// beyond ahora because of condicion, and have since antes at the latest.
func (s *Store) TramosAplazados(ctx context.Context, condicion string, antes, ahora time.Time, limite int) ([]Tramo, error) {
	return s.tramos(ctx, `estado IN ('pendiente', 'presentada') AND rechazo = $1 AND espera_desde <= $2 AND siguiente > $3 AND ocupante = '' ORDER BY espera_desde LIMIT `+strconv.Itoa(limite),
		condicion, Instante(antes), Instante(ahora))
}

// PaquetesAplazados is TramosAplazados for packages.
func (s *Store) PaquetesAplazados(ctx context.Context, condicion string, antes, ahora time.Time, limite int) ([]PaqueteDeTramo, error) {
	return s.dePaquetes(ctx, `p.estado = 'pendiente' AND p.rechazo = $1 AND p.espera_desde <= $2 AND p.siguiente > $3 AND p.ocupante = '' ORDER BY p.espera_desde LIMIT `+strconv.Itoa(limite),
		condicion, Instante(antes), Instante(ahora))
}
