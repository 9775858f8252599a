package store

import (
	"context"
	"strconv"
	"time"
)

// UltimoInstante is the last instant at which a gateway believed its clock; where
// none is kept, the last change of a descarga; zero for none.
func (s *Store) UltimoInstante(ctx context.Context) (time.Time, error) {
	var visto string
	if _, err := s.one(ctx, `SELECT COALESCE((SELECT visto FROM reloj), (SELECT MAX(actualizada) FROM descargas), '')`, nil, &visto); err != nil {
		return time.Time{}, err
	}
	return leeInstante(visto)
}

// AnotaInstante keeps an instant at which the clock was believed.
func (s *Store) AnotaInstante(ctx context.Context, visto time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	_, err := s.changes(ctx, s.ligera, `INSERT INTO reloj (id, visto) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET visto = excluded.visto`, Instante(visto))
	return err
}

// TramosAdelantados returns up to limite live ones whose wait was begun after
// despues: by a clock that was ahead.
func (s *Store) TramosAdelantados(ctx context.Context, despues time.Time, limite int) ([]Tramo, error) {
	return s.tramos(ctx, `estado IN ('pendiente', 'presentada') AND espera_desde > $1 ORDER BY espera_desde LIMIT `+strconv.Itoa(limite), Instante(despues))
}

// PaquetesAdelantados is TramosAdelantados for packages.
func (s *Store) PaquetesAdelantados(ctx context.Context, despues time.Time, limite int) ([]PaqueteDeTramo, error) {
	return s.dePaquetes(ctx, `p.estado = 'pendiente' AND p.espera_desde > $1 ORDER BY p.espera_desde LIMIT `+strconv.Itoa(limite), Instante(despues))
}

// EntregasAdelantadas is TramosAdelantados for deliveries.
func (s *Store) EntregasAdelantadas(ctx context.Context, despues time.Time, limite int) ([]WebhookEntrega, error) {
	return s.entregas(ctx, `SELECT `+columnasEntrega+` FROM webhooks_entregas WHERE estado = 'pendiente' AND espera_desde > $1 ORDER BY espera_desde LIMIT $2`,
		Instante(despues), limite)
}

// AplazaEntrega makes a delivery due at siguiente, in a turn of its own, if nobody
// has taken it since it was read.
func (s *Store) AplazaEntrega(ctx context.Context, e WebhookEntrega, siguiente, ahora time.Time) (bool, error) {
	return s.changes(ctx, s.db, `UPDATE webhooks_entregas SET siguiente = $1, espera_desde = $2, turno = turno + 1 WHERE id = $3 AND turno = $4 AND estado = 'pendiente'`,
		Instante(siguiente), Instante(ahora), e.ID, e.Turno)
}

// ProgramadasTras returns up to limite recurrent descargas whose run is due after
// despues.
func (s *Store) ProgramadasTras(ctx context.Context, despues time.Time, limite int) ([]Descarga, error) {
	return s.descargas(ctx, `estado = 'programada' AND siguiente > $1 ORDER BY siguiente LIMIT `+strconv.Itoa(limite), Instante(despues))
}
