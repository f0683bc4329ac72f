package diffusion

import (
	"slices"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// eachImage has fn change each image of x [B,C,h,w] that has a guidance session, and gives x itself, with the very same bits, where
// no image was changed.
func (r *run) eachImage(x torch.Tensor, fn func(b int, image torch.Tensor) (torch.Tensor, bool, error)) (torch.Tensor, error) {
	images := make([]torch.Tensor, len(r.sessions))
	any := false
	for b := range r.sessions {
		images[b] = x.Narrow(0, int64(b), 1)
		image, changed, err := fn(b, images[b])
		if err != nil {
			return x, err
		}
		if changed {
			images[b], any = image, true
		}
	}
	if !any {
		return x, nil
	}
	return torch.Cat(images, 0), nil
}

// before guides the state at the start of a step.
func (r *run) before(i int, sigma float64, x torch.Tensor) (torch.Tensor, error) {
	if err := r.ctx.Err(); err != nil {
		return x, err
	}
	r.sigma = sigma
	if r.selection != nil {
		return r.selection.before(i, sigma, x)
	}
	r.current = nil
	r.reuse.begin(sigma)
	if len(r.sessions) == 0 {
		return x, nil
	}
	all := make([]int, len(r.sessions))
	for b := range all {
		all[b] = b
	}
	from := r.inpaint.before(x, sigma)
	guided, reports, err := r.guide(from, all, r.step(i, sigma))
	if err != nil {
		return x, err
	}
	r.current, r.reports = reports, append(r.reports, reports)
	if !moved(reports) {
		return x, nil
	}
	return r.inpaint.moved(x, from, guided), nil
}

// guide takes a guided step of some rows of x, and gives x with what became of them, x itself where none moved, and their reports.
func (r *run) guide(x torch.Tensor, rows []int, step guidance.Step) (torch.Tensor, []guidance.Report, error) {
	all := make([]torch.Tensor, x.Size(0))
	for b := range all {
		all[b] = x.Narrow(0, int64(b), 1)
	}
	sessions, images := make([]*guidance.Session, len(rows)), make([]torch.Tensor, len(rows))
	for i, row := range rows {
		sessions[i], images[i] = r.sessions[row], all[row]
	}
	guided, reports, err := guidance.GuideAll(sessions, images, step)
	if err != nil || !moved(reports) {
		return x, reports, err
	}
	for i, row := range rows {
		all[row] = guided[i]
	}
	return torch.Cat(all, 0), reports, nil
}

// moved tells whether guidance moved an image.
func moved(reports []guidance.Report) bool {
	return slices.ContainsFunc(reports, func(r guidance.Report) bool { return r.Moves > 0 })
}
