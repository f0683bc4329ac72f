/* Opens isactorch.dll: isac_load.c for Windows. */
#define WIN32_LEAN_AND_MEAN
#include <stdio.h>
#include <string.h>
#include <windows.h>

#include "isac_call.h"
#include "_cgo_export.h"

const isac_table *isac_loaded = NULL;

static char *failure(const char *doing) {
  DWORD code = GetLastError();
  char why[512] = "", text[640];
  DWORD n = FormatMessageA(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, code, 0, why, sizeof why - 1, NULL);
  while (n > 0 && (why[n - 1] == '\n' || why[n - 1] == '\r')) why[--n] = 0;
  snprintf(text, sizeof text, "%s: error %lu: %s", doing, (unsigned long)code, why);
  return _strdup(text);
}

isac_load_result isac_load(const char *path) {
  isac_load_result r = {0};
  wchar_t wide[4096];
  if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, 4096) == 0) {
    r.err = failure("its path cannot be read");
    return r;
  }
  /* libtorch's DLLs lie beside it, or in folders of PATH. */
  HMODULE lib = LoadLibraryExW(wide, NULL, LOAD_WITH_ALTERED_SEARCH_PATH);
  if (lib == NULL) {
    r.err = failure("LoadLibrary");
    return r;
  }
  uint64_t (*abi)(void) = (uint64_t(*)(void))GetProcAddress(lib, "isac_torch_abi");
  const isac_table *(*open)(isac_closure_fn) = (const isac_table *(*)(isac_closure_fn))GetProcAddress(lib, "isac_torch_open");
  if (abi == NULL || open == NULL) {
    r.err = _strdup("it does not export isac_torch_abi and isac_torch_open, so it is not isactorch.dll");
    FreeLibrary(lib);
    return r;
  }
  r.abi = abi();
  if (r.abi != ISAC_TORCH_ABI) {
    r.mismatch = 1; /* it stays loaded, as in isac_load.c */
    return r;
  }
  isac_loaded = open(isacTorchClosure);
  r.path = _strdup(path);
  return r;
}
