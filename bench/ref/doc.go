// Package ref holds the small programs that the gateway is measured against:
// the least code that does the same work. They take well-formed answers for
// granted, survive no failure and keep nothing, which is what makes them a
// floor and unfit for anything else.
package ref
