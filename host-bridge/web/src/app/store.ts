// What survives a reload. Each tab has its own; a new tab begins with what was last written in any.

export type Store = Pick<Storage, "getItem" | "setItem">;

export const tabStore: Store = {
  getItem: (key) => sessionStorage.getItem(key) ?? localStorage.getItem(key),
  setItem(key, value) {
    // A copy that is too old is worse than none.
    sessionStorage.removeItem(key);
    localStorage.setItem(key, value);
    sessionStorage.setItem(key, value);
  },
};
