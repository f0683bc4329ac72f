/** Pictures of the server, loaded once. */
export class Images {
  private readonly known = new Map<string, HTMLImageElement>();

  constructor(private readonly loaded: () => void) {}

  /** The picture, once it is there. */
  get(url: string): HTMLImageElement | undefined {
    let image = this.known.get(url);
    if (!image) {
      image = new Image();
      image.onload = this.loaded;
      image.src = url;
      this.known.set(url, image);
      if (this.known.size > 300) this.known.delete(this.known.keys().next().value!);
    }
    return image.complete && image.naturalWidth > 0 ? image : undefined;
  }
}
