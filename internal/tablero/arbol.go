package tablero

import "github.com/pasarela-mx/pasarela/internal/gateway"

// maxNivel is the deepest indent that is drawn; what lies deeper says whose it is.
const maxNivel = 6

// rama is a solicitud with its place in the tree that splitting and replacing make.
type rama struct {
	gateway.Tramo
	// Padre is the number of its origin, where that is there; 0 for none.
	Padre int64
	// Nivel is how deep it lies, from 0 to maxNivel.
	Nivel int
	// Mitad: its origin was split, not replaced.
	Mitad bool
	// Relevada: others stand for it, so that it brings nothing itself.
	Relevada bool
}

// arbol puts the solicitudes in the order of a tree's branches, each behind its
// origin. One whose origin is not there stands at the root.
func arbol(tramos []gateway.Tramo) []rama {
	indice := make(map[int64]int, len(tramos))
	for i, t := range tramos {
		indice[t.Numero] = i
	}
	hijos := make(map[int][]int) // by the origin's index, -1 for none
	padre := make([]int, len(tramos))
	for i, t := range tramos {
		// Origins come first, which also keeps out circles.
		if j, hay := indice[t.Origen]; hay && j < i {
			padre[i] = j
		} else {
			padre[i] = -1
		}
		hijos[padre[i]] = append(hijos[padre[i]], i)
	}
	out := make([]rama, 0, len(tramos))
	// A pile instead of a recursion: a chain is as long as the ledger says.
	type pendiente struct{ indice, nivel int }
	var pila []pendiente
	apila := func(origen, nivel int) {
		for i := len(hijos[origen]) - 1; i >= 0; i-- {
			pila = append(pila, pendiente{hijos[origen][i], nivel})
		}
	}
	apila(-1, 0)
	for len(pila) > 0 {
		p := pila[len(pila)-1]
		pila = pila[:len(pila)-1]
		t := tramos[p.indice]
		r := rama{Tramo: t, Nivel: min(p.nivel, maxNivel),
			Relevada: t.Estado == gateway.TramoPartida || t.Estado == gateway.TramoSustituida}
		if j := padre[p.indice]; j >= 0 {
			r.Padre, r.Mitad = tramos[j].Numero, tramos[j].Estado == gateway.TramoPartida
		}
		out = append(out, r)
		apila(p.indice, p.nivel+1)
	}
	return out
}
