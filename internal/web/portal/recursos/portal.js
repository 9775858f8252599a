// What spares the reader a step; the pages are whole without it.

for (const pre of document.querySelectorAll(".prosa pre")) {
  if (!navigator.clipboard) break; // only where the page is safe from eavesdroppers
  const boton = document.createElement("button");
  boton.type = "button";
  boton.className = "copiar";
  boton.textContent = "Copiar";
  boton.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(pre.textContent);
      boton.textContent = "Copiado";
    } catch {
      boton.textContent = "No se pudo";
    }
    setTimeout(() => { boton.textContent = "Copiar"; }, 2000);
  });
  const marco = document.createElement("div");
  marco.className = "codigo";
  pre.replaceWith(marco);
  marco.append(pre, boton);
}

// The pages say 127.0.0.1:8080, where a gateway is out of the box; lines to paste
// are for the one that shows them.
const propia = new URL(".", document.querySelector(".marca a").href).href.replace(/\/$/, "");
for (const codigo of document.querySelectorAll(".prosa pre code")) {
  if (codigo.textContent.includes("http://127.0.0.1:8080")) codigo.textContent = codigo.textContent.replaceAll("http://127.0.0.1:8080", propia);
}

const indice = document.getElementById("indice");
if (indice && matchMedia("(max-width: 72rem)").matches) indice.open = false;

// / goes to the search, as in most documentation.
document.addEventListener("keydown", (e) => {
  if (e.key !== "/" || e.ctrlKey || e.metaKey || e.altKey || e.target.closest("input, textarea, select, [contenteditable]")) return;
  e.preventDefault();
  document.getElementById("q").focus();
});
