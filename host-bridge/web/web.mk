# `make web` bundles the editor page into host-bridge/web/dist, from where isac-host embeds it; `make test-web` checks its types and runs its tests.
# npm packages: host-bridge/web/package.json, pinned by package-lock.json.
WEB := host-bridge/web
WEB_MODULES := $(WEB)/node_modules/.package-lock.json
WEB_SOURCES := $(shell find $(WEB)/src -type f) examples/workflows/two-cats-and-a-dog.json $(WEB)/build.mjs

.PHONY: web test-web
web: $(WEB)/dist/index.html ## bundle the editor page (needs node 18 and npm; part of `make build`)

$(WEB_MODULES): $(WEB)/package.json $(WEB)/package-lock.json
	cd $(WEB) && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

$(WEB)/dist/index.html: $(WEB_MODULES) $(WEB_SOURCES)
	cd $(WEB) && npm run --silent build

test-web: $(WEB_MODULES)
	cd $(WEB) && npm run --silent test
