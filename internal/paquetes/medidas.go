package paquetes

import "github.com/pasarela-mx/pasarela/internal/store"

// Medidas is what whoever watches this machine may know of its packages.
type Medidas struct {
	// Libres are the bytes that the disk of the packages on their way has free, and
	// Necesarios how many it must have for one more to be asked for.
	Libres, Necesarios int64
	// Piso is what it keeps free: below it nothing comes, of nobody.
	Piso int64
	// Aplazadas counts the downloads that were not asked for since the start, as this
	// machine had not what they take.
	Aplazadas int64
}

// Medidas measures; what the disk does not tell is missing from it.
func (a *Almacen) Medidas() (Medidas, error) {
	a.mu.Lock()
	h := store.Hueco{Estimado: a.mayor}
	a.mu.Unlock()
	var piso int64
	libres, necesarios, err := a.store.Lugar(h)
	if err == nil {
		_, piso, err = a.store.Piso()
	}
	return Medidas{Libres: libres, Necesarios: necesarios, Piso: piso, Aplazadas: a.aplazadas.Load()}, err
}

// aplaza counts a download that is not asked for, and says so to whoever wanted it.
func (a *Almacen) aplaza(err error) error {
	a.aplazadas.Add(1)
	return sinRecursos(err)
}
