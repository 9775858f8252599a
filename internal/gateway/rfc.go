package gateway

import "regexp"

// rfcForm is the form of an RFC: three letters (company) or four (person), a
// date as yyMMdd and the homoclave with its check character.
var rfcForm = regexp.MustCompile(`^[A-ZÑ&]{3,4}[0-9]{6}[A-Z0-9]{2}[0-9A]$`)

// uuidForm is the form of a UUID in either case.
var uuidForm = regexp.MustCompile(`^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$`)

// ValidRFC reports whether s has the form of an RFC. The check character is not verified:
// the SAT has issued RFCs that fail it.
func ValidRFC(s string) bool { return rfcForm.MatchString(s) }

// ValidUUID reports whether s has the form of a UUID.
func ValidUUID(s string) bool { return uuidForm.MatchString(s) }
