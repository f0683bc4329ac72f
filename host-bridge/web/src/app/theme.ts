// Dark or light: as the system says, until somebody chooses.

import { type Scheme, usePalette } from "../canvas/palette";

const KEY = "isac.theme";

export class Theme {
  private readonly system = matchMedia("(prefers-color-scheme: light)");

  constructor(private readonly changed: (scheme: Scheme) => void) {
    this.system.addEventListener("change", () => this.apply());
    this.apply();
  }

  get scheme(): Scheme {
    const chosen = localStorage.getItem(KEY);
    return chosen === "dark" || chosen === "light" ? chosen : this.system.matches ? "light" : "dark";
  }

  toggle(): void {
    const next: Scheme = this.scheme === "dark" ? "light" : "dark";
    // The system's own is not written down: whoever goes back to it follows it again.
    if (next === (this.system.matches ? "light" : "dark")) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
    this.apply();
  }

  private apply(): void {
    document.documentElement.dataset["theme"] = this.scheme;
    usePalette(this.scheme);
    this.changed(this.scheme);
  }
}
