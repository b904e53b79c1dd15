// Dark or light, before anything is painted: what was chosen here last, or else what the system says.
"use strict";

{
  const kept = () => {
    try {
      return localStorage.getItem("tintype-theme");
    } catch {
      return null;
    }
  };
  const chosen = kept();
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
}
