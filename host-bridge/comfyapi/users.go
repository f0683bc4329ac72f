package comfyapi

import (
	"net/http"
	"regexp"
	"strings"
	"unicode"
)

const (
	defaultUser = "default"
	maxUsers    = 1000
	maxUserName = 100
)

// user is whose settings and userdata a request is about. status is what ComfyUI answers where it is nobody.
func (s *Server) user(r *http.Request, status int) (string, error) {
	id := r.Header.Get("Comfy-User")
	if !s.config.MultiUser || id == "" || id == defaultUser {
		return defaultUser, nil
	}
	if localName(id) {
		_, _, err := s.users.Get(r.Context(), id)
		if err == nil {
			return id, nil
		}
		if !notThere(err) {
			return "", err
		}
	}
	return "", wrongStatus(status, "there is no user %s", quoted(id))
}

func (s *Server) getUsers(w http.ResponseWriter, r *http.Request) error {
	if !s.config.MultiUser {
		settings, err := s.settings.List(r.Context(), defaultUser)
		if err != nil {
			return err
		}
		data, err := s.userdata.List(r.Context(), defaultUser+"/")
		if err != nil {
			return err
		}
		answer(w, map[string]any{"storage": "server", "migrated": len(settings)+len(data) > 0})
		return nil
	}
	names, err := s.userNames(r)
	if err != nil {
		return err
	}
	answer(w, map[string]any{"storage": "server", "users": names})
	return nil
}

func (s *Server) userNames(r *http.Request) (map[string]string, error) {
	entries, err := s.users.List(r.Context(), "")
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, e := range entries {
		name, _, err := s.users.Get(r.Context(), e.Key)
		if err == nil {
			names[e.Key] = string(name)
		} else if !notThere(err) {
			return nil, err
		}
	}
	return names, nil
}

// notInID is what an id of a user does not take over from the name.
var notInID = regexp.MustCompile(`[^a-zA-Z0-9_-]+`)

func (s *Server) postUsers(w http.ResponseWriter, r *http.Request) error {
	members, err := object(w, r, s.config.Limits.BodyBytes, false)
	if err != nil {
		return err
	}
	var name string
	if _, err := field(members, "username", &name, "a string"); err != nil {
		return err
	}
	refuse := func(text string) error {
		answerStatus(w, http.StatusBadRequest, map[string]string{"error": text})
		return nil
	}
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return refuse("username not provided")
	case len(name) > maxUserName || strings.ContainsFunc(name, unicode.IsControl):
		return refuse("username is too long, or holds control characters")
	}
	s.saving.Lock()
	defer s.saving.Unlock()
	names, err := s.userNames(r)
	if err != nil {
		return err
	}
	for _, taken := range names {
		if taken == name {
			return refuse("Duplicate username.")
		}
	}
	if len(names) >= maxUsers {
		return refuse("there are as many users as there may be")
	}
	id := notInID.ReplaceAllString(name, "-") + "_" + newUUID()
	if err := s.users.Create(r.Context(), id, []byte(name)); err != nil {
		return err
	}
	answer(w, id)
	return nil
}
