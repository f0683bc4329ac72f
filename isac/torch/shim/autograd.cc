// Gradients, and checkpointing through a Go closure.
#include "autograd.h"
#include "closure.h"

namespace isac {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Checkpoint : torch::autograd::Function<Checkpoint> {
  static variable_list forward(AutogradContext *ctx, at::TensorList inputs, c10::intrusive_ptr<Closure> closure) {
    variable_list saved(inputs.begin(), inputs.end());
    ctx->save_for_backward(saved);
    std::vector<int64_t> wants;
    for (const at::Tensor &t : inputs) wants.push_back(t.requires_grad());
    ctx->saved_data["wants"] = wants;
    ctx->saved_data["closure"] = c10::IValue::make_capsule(closure);
    variable_list outputs = closure->call(saved);
    // A closure may return a tensor that it captured; a fresh alias keeps history off the caller's own tensor.
    for (at::Tensor &t : outputs) t = t.detach();
    return outputs;
  }

  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    const variable_list saved = ctx->get_saved_variables();
    const std::vector<int64_t> wants = ctx->saved_data["wants"].toIntVector();
    auto closure = c10::static_intrusive_pointer_cast<Closure>(ctx->saved_data["closure"].toCapsule());
    variable_list inputs, leaves;
    for (size_t i = 0; i < saved.size(); i++) {
      at::Tensor t = saved[i].detach();
      if (wants[i]) leaves.push_back(t.set_requires_grad(true));
      inputs.push_back(t);
    }
    variable_list outputs, cotangents;
    {
      at::AutoGradMode with_grad(true);
      const variable_list all = closure->call(inputs);
      TORCH_CHECK(all.size() == grads.size(), "the closure gave ", grads.size(), " tensors in forward and ", all.size(), " in backward");
      for (size_t i = 0; i < all.size(); i++) {
        if (!all[i].requires_grad() || !grads[i].defined()) continue;
        outputs.push_back(all[i]);
        cotangents.push_back(grads[i]);
      }
    }
    variable_list found(leaves.size());
    if (!outputs.empty()) {
      found = torch::autograd::grad(outputs, leaves, cotangents, /*retain_graph=*/c10::optional<bool>(false), /*create_graph=*/false,
                                    /*allow_unused=*/true);
    }
    variable_list result;
    size_t next = 0;
    for (size_t i = 0; i < saved.size(); i++) result.push_back(wants[i] ? found[next++] : at::Tensor());
    result.push_back(at::Tensor());  // for the closure
    return result;
  }
};

isac_list checkpoint(uintptr_t h, const uint64_t *ids, int64_t n) {
  auto closure = c10::make_intrusive<Closure>(h);  // owns h from here on, also if something fails below
  return guard<isac_list>("checkpoint", [&](Shapes &s) { s.add(ids, n); }, [&] {
    variable_list inputs;
    for (int64_t i = 0; i < n; i++) {
      closure->present.push_back(ids[i] != 0);
      if (ids[i] != 0) inputs.push_back(tensor(ids[i]));
    }
    return list(Checkpoint::apply(at::TensorList(inputs), closure), "checkpoint");
  });
}

isac_list vjp(const uint64_t *outputs, int64_t n, const uint64_t *cotangents, const uint64_t *inputs, int64_t m, int32_t retain) {
  return guard<isac_list>("grad", [&](Shapes &s) { s.add(outputs, n); s.add(inputs, m); }, [&] {
    const variable_list outs = tensors(outputs, n), ins = tensors(inputs, m);
    for (int64_t i = 0; i < n; i++) {
      if (!outs[i].requires_grad()) {
        throw Failure("grad", "the loss does not depend on any tensor that requires a gradient (was it made under NoGrad, or detached?)");
      }
      if (cotangents == nullptr && outs[i].numel() != 1) {
        throw Failure("grad", "the loss must be a scalar, it has " + std::to_string(outs[i].numel()) + " elements");
      }
    }
    for (int64_t i = 0; i < m; i++) {
      if (!ins[i].requires_grad()) throw Failure("grad", "input " + std::to_string(i) + " does not require a gradient (SetRequiresGrad)");
    }
    const variable_list weights = cotangents == nullptr ? variable_list() : tensors(cotangents, n);
    const variable_list grads = torch::autograd::grad(outs, ins, weights, c10::optional<bool>(retain != 0), /*create_graph=*/false,
                                                      /*allow_unused=*/true);
    for (int64_t i = 0; i < m; i++) {
      if (!grads[i].defined()) throw Failure("grad", "the loss does not depend on input " + std::to_string(i));
    }
    return list(grads, "grad");
  });
}

isac_status set_requires_grad(uint64_t id, int32_t on) {
  return guard<isac_status>("set_requires_grad", [&](Shapes &s) { s.add(id); }, [&] {
    tensor(id).set_requires_grad(on != 0);
    return isac_status{};
  });
}

int32_t grad_mode(int32_t on) {
  const int32_t before = at::GradMode::is_enabled();
  if (on >= 0) at::GradMode::set_enabled(on != 0);
  return before;
}

isac_result op_attention_mean(uint64_t q_, uint64_t k_, double scale, int64_t chunk) {
  return guard<isac_result>("attention_mean", [&](Shapes &s) { s.add(q_); s.add(k_); }, [&] {
    return one(attention_mean(tensor(q_), tensor(k_), scale, chunk), "attention_mean");
  });
}

}  // namespace

void fill_autograd(isac_core *core, isac_closure_fn closure) {
  set_closure(closure);
  core->vjp = vjp;
  core->checkpoint = checkpoint;
  core->set_requires_grad = set_requires_grad;
  core->grad_mode = grad_mode;
  core->attention_mean = op_attention_mean;
  core->dead_closures = dead_closures;
}

}  // namespace isac
