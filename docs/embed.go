// Package docs embeds the pages of this folder, so that a gateway shows those of
// its own version without the Internet. It refuses to render them: that is
// internal/web/portal's.
package docs

import "embed"

// Pages holds the Markdown pages, UTF-8, and the pictures that they show. Those of
// contributors, in architecture and decisiones, stay in the repository.
//
//go:embed *.md protocolos/*.md img/descargas.png img/grafana.png
var Pages embed.FS
