package titulo

import (
	"regexp"
	"strings"
	"time"
)

// formaCURP is RENAPO's form: four letters of the name, the birth date, sex
// (X is non-binary), state of birth, three consonants, a character that tells
// the century apart and the check digit. Ñ is written X in a CURP.
var formaCURP = regexp.MustCompile(`^[A-Z][AEIOUX][A-Z]{2}[0-9]{6}[HMX]` +
	`(?:AS|BC|BS|CC|CS|CH|CL|CM|DF|DG|GT|GR|HG|JC|MC|MN|MS|NT|NL|OC|PL|QT|QR|SP|SL|SR|TC|TS|TL|VZ|YN|ZS|NE)` +
	`[B-DF-HJ-NP-TV-Z]{3}[0-9A-Z][0-9]$`)

// CURPValida tells whether s has the form of a CURP, its date being a day that
// existed: in the 1900s when the 17th character is a digit, later when it is a
// letter. RENAPO alone knows whether it was given to anyone.
func CURPValida(s string) bool {
	if !formaCURP.MatchString(s) {
		return false
	}
	siglo := "20"
	if s[16] <= '9' {
		siglo = "19"
	}
	_, err := time.Parse("20060102", siglo+s[4:10])
	return err == nil
}

// digitoCURP tells whether the check digit of a CURP of the right form is what
// RENAPO's algorithm gives: each character's place in the alphabet (Ñ
// included), weighted 18 to 2, the sum's distance to the next ten.
func digitoCURP(s string) bool {
	const alfabeto = "0123456789ABCDEFGHIJKLMN_OPQRSTUVWXYZ" // _ holds the place of Ñ
	suma := 0
	for i := range 17 {
		suma += strings.IndexByte(alfabeto, s[i]) * (18 - i)
	}
	return int(s[17]-'0') == (10-suma%10)%10
}
