// Brings the regions of the page up to date without loading it again, so that
// place, focus and what is selected stay. Without it the page loads itself anew.
"use strict";

(() => {
  let pedida = 0;

  const cada = () => Number(document.getElementById("reloj").dataset.cada) * 1000;

  const seleccionada = (region) => {
    const s = document.getSelection();
    return s && !s.isCollapsed && (region.contains(s.anchorNode) || region.contains(s.focusNode));
  };

  const cambia = (vieja, nueva) => {
    if (vieja.isEqualNode(nueva) || seleccionada(vieja)) return;
    const foco = vieja.contains(document.activeElement) ? document.activeElement : null;
    const clave = (e) => e.id || e.getAttribute("href") || e.getAttribute("aria-label");
    const corridas = [...vieja.querySelectorAll(".tabla")].map((t) => t.scrollLeft);
    vieja.replaceWith(document.adoptNode(nueva));
    [...nueva.querySelectorAll(".tabla")].forEach((t, i) => { t.scrollLeft = corridas[i] || 0; });
    if (!foco) return;
    const otro = [...nueva.querySelectorAll("a[href], [tabindex]")].find((e) => clave(e) === clave(foco));
    if (otro) otro.focus({ preventScroll: true });
  };

  const actualiza = async () => {
    const aviso = document.getElementById("aviso");
    try {
      const r = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(15000) });
      if (!r.ok) throw new Error(String(r.status));
      const otra = new DOMParser().parseFromString(await r.text(), "text/html");
      for (const vieja of document.querySelectorAll("[data-region]")) {
        const nueva = otra.getElementById(vieja.id);
        if (nueva) cambia(vieja, nueva);
      }
      if (aviso.textContent) aviso.textContent = "";
    } catch {
      if (!aviso.textContent) aviso.textContent = "La pasarela no contesta; se sigue intentando. Lo que se ve es de antes.";
    }
  };

  const espera = () => {
    clearTimeout(pedida);
    if (cada() > 0 && !document.hidden) pedida = setTimeout(async () => { await actualiza(); espera(); }, cada());
  };

  document.addEventListener("visibilitychange", async () => {
    if (!document.hidden && cada() > 0) await actualiza();
    espera();
  });
  espera();
})();
