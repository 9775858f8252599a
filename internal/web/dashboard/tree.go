package dashboard

import "github.com/pasarela-mx/pasarela/internal/gateway"

// maxLevel is the deepest indent that is drawn; what lies deeper says whose it is.
const maxLevel = 6

// branch is a solicitud with its place in the tree that splitting and replacing make.
type branch struct {
	gateway.Tramo
	// Parent is the number of its origin, where that is there; 0 for none.
	Parent int64
	// Level is how deep it lies, from 0 to maxLevel.
	Level int
	// Half: its origin was split, not replaced.
	Half bool
	// TakenOver: others stand for it, so that it brings nothing itself.
	TakenOver bool
}

// tree puts the solicitudes in the order of a tree's branches, each behind its
// origin. One whose origin is not there stands at the root.
func tree(tramos []gateway.Tramo) []branch {
	index := make(map[int64]int, len(tramos))
	for i, t := range tramos {
		index[t.Number] = i
	}
	children := make(map[int][]int) // by the origin's index, -1 for none
	parent := make([]int, len(tramos))
	for i, t := range tramos {
		// Origins come first, which also keeps out circles.
		if j, has := index[t.Origin]; has && j < i {
			parent[i] = j
		} else {
			parent[i] = -1
		}
		children[parent[i]] = append(children[parent[i]], i)
	}
	out := make([]branch, 0, len(tramos))
	// A pile instead of a recursion: a chain is as long as the ledger says.
	type pending struct{ index, level int }
	var pile []pending
	push := func(origin, level int) {
		for i := len(children[origin]) - 1; i >= 0; i-- {
			pile = append(pile, pending{children[origin][i], level})
		}
	}
	push(-1, 0)
	for len(pile) > 0 {
		p := pile[len(pile)-1]
		pile = pile[:len(pile)-1]
		t := tramos[p.index]
		r := branch{Tramo: t, Level: min(p.level, maxLevel),
			TakenOver: t.Estado == gateway.TramoPartida || t.Estado == gateway.TramoSustituida}
		if j := parent[p.index]; j >= 0 {
			r.Parent, r.Half = tramos[j].Number, tramos[j].Estado == gateway.TramoPartida
		}
		out = append(out, r)
		push(p.index, p.level+1)
	}
	return out
}
