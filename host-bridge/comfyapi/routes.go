package comfyapi

import (
	"errors"
	"net/http"
	"strings"
)

// handle is one route: what it returns as an error is answered as JSON.
type handle func(w http.ResponseWriter, r *http.Request) error

// routes are all routes of ComfyUI that this server knows, bare and under /api, and what it adds.
func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	both := map[string]handle{
		"GET /ws":     s.socket,
		"GET /prompt": s.getPrompt, "POST /prompt": s.postPrompt,
		"GET /queue": s.getQueue, "POST /queue": s.postQueue,
		"GET /history": s.getHistory, "GET /history/{id}": s.getHistoryOf, "POST /history": s.postHistory,
		"POST /interrupt": s.interrupt, "POST /free": s.free,

		"GET /object_info": s.objectInfo, "GET /object_info/{class...}": s.objectInfoOf,
		"GET /view": s.view, "GET /view_metadata/{folder}": s.viewMetadata,
		"POST /upload/image": s.uploadImage, "POST /upload/mask": s.uploadMask,
		"GET /embeddings": s.embeddings,
		"GET /models":     s.models, "GET /models/{folder}": s.modelsOf,
		"GET /experiment/models": s.modelFolders, "GET /experiment/models/{folder}": s.modelFiles,
		"GET /experiment/models/preview/{folder}/{index}/{file...}": s.modelPreview,

		"GET /users": s.getUsers, "POST /users": s.postUsers,
		"GET /settings": s.getSettings, "POST /settings": s.postSettings,
		"GET /settings/{id}": s.getSetting, "POST /settings/{id}": s.postSetting,
		"GET /userdata": s.listUserdata, "GET /v2/userdata": s.listUserdataV2,
		"GET /userdata/{file}": s.getUserdata, "POST /userdata/{file}": s.postUserdata, "DELETE /userdata/{file}": s.deleteUserdata,
		"POST /userdata/{file}/move/{dest}": s.moveUserdata,

		"GET /system_stats": s.systemStats, "GET /features": s.features,
		"GET /extensions": s.extensions, "GET /i18n": s.empty,
		"GET /workflow_templates": s.templates, "GET /workflow_templates/{pack}/{name}": s.template,
		"GET /global_subgraphs": s.empty, "GET /node_replacements": s.empty,
	}
	for pattern, h := range both {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(pattern, s.serve(pattern, h))
		mux.HandleFunc(method+" /api"+path, s.serve(pattern, h))
	}
	for pattern, h := range map[string]handle{
		"GET /api/jobs": s.getJobs, "GET /api/jobs/{id}": s.getJob,
		"POST /api/jobs/{id}/cancel": s.cancelJob, "POST /api/jobs/cancel": s.cancelJobs,

		"GET /internal/logs": s.getLogs, "GET /internal/logs/raw": s.getRawLogs, "PATCH /internal/logs/subscribe": s.subscribeLogs,
		"GET /internal/folder_paths": s.folderPaths, "GET /internal/files/{kind}": s.listFiles,

		"GET /metrics": s.getMetrics,
		// ComfyUI's editor asks for the templates of a package that this server does not have.
		"GET /templates/index.json": s.emptyList,
	} {
		mux.HandleFunc(pattern, s.serve(pattern, h))
	}
	mux.HandleFunc("/", s.serve("/", func(w http.ResponseWriter, r *http.Request) error { return s.rest(mux, w, r) }))
	return mux
}

// serve names the route for the metrics and answers its error.
func (s *Server) serve(pattern string, h handle) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if seen, ok := w.(*seen); ok {
			seen.route = pattern
		}
		err := h(w, r)
		if err == nil {
			return
		}
		var w2 *wrongError
		if errors.As(err, &w2) {
			fail(w, w2.status, kinds[w2.status], w2.text)
			return
		}
		if r.Context().Err() != nil {
			return // nobody waits for it
		}
		s.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		fail(w, http.StatusInternalServerError, "internal", err.Error())
	}
}

// rest is what no route takes: the page and its files, wrong methods, and what is not there.
func (s *Server) rest(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) error {
	var methods []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != "/" && pattern != "" {
			methods = append(methods, method)
		}
	}
	switch {
	case len(methods) > 0:
		w.Header().Set("Allow", strings.Join(methods, ", "))
		return wrongStatus(http.StatusMethodNotAllowed, "%s takes %s, not %s", r.URL.Path, strings.Join(methods, " and "), quoted(r.Method))
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		return s.page.serve(w, r)
	}
	return wrongStatus(http.StatusNotFound, "there is no %s %s", quoted(r.Method), quoted(r.URL.Path))
}

func (s *Server) emptyList(w http.ResponseWriter, _ *http.Request) error {
	answer(w, []struct{}{})
	return nil
}

func (s *Server) empty(w http.ResponseWriter, _ *http.Request) error {
	answer(w, struct{}{})
	return nil
}
