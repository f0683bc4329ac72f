// A Go closure of tensors that is recorded once and then repeated whole: on a GPU as CUDA graphs, one for the closure and one for its
// gradient, each a single launch. Elsewhere the closure is run each time, with the same rules for what goes in and out.
#include "closure.h"

#include <map>
#include <memory>
#include <mutex>

#if defined(ISAC_CUDA_GRAPHS)
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace isac {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What is recorded. Kernels read and write fixed addresses, so inputs, outputs and gradients are tensors that stay.
struct Graph : torch::CustomClassHolder {
  c10::intrusive_ptr<Closure> closure;
  bool wants = false;               // a gradient
  std::vector<bool> wanted;         // of each input
  variable_list in, leaves;         // leaves are those of in that get a gradient
  variable_list out;                // without history
  std::vector<bool> moved;          // of each output: it has a gradient
  variable_list cotangents, grads;  // of the outputs that have one, and of the leaves; a gradient may be undefined
  variable_list history;            // the outputs of the last run with their history, where nothing was recorded
#if defined(ISAC_CUDA_GRAPHS)
  std::unique_ptr<at::cuda::CUDAGraph> forward_graph, backward_graph;
  c10::DeviceIndex device = -1;
#endif

  ~Graph() override {
#if defined(ISAC_CUDA_GRAPHS)
    if (forward_graph == nullptr) return;
    try {
      const c10::cuda::CUDAGuard guard(device);
      c10::cuda::device_synchronize();  // it may be running
      backward_graph.reset();
      forward_graph.reset();
    } catch (...) {
    }
#endif
  }

  bool recorded() const {
#if defined(ISAC_CUDA_GRAPHS)
    return forward_graph != nullptr;
#else
    return false;
#endif
  }

  void set_inputs(const variable_list &from) {
    const at::NoGradGuard no_grad;
    for (size_t i = 0; i < in.size(); i++) {
      TORCH_CHECK(from[i].sizes() == in[i].sizes() && from[i].scalar_type() == in[i].scalar_type(), "input ", i, " is ", from[i].sizes(), " ",
                  from[i].scalar_type(), ", the graph was recorded with ", in[i].sizes(), " ", in[i].scalar_type());
      if (from[i].is_same(in[i])) continue;
      in[i].copy_(from[i], /*non_blocking=*/true);
    }
  }

  // The closure on the fixed inputs, with a gradient to them where one is wanted.
  variable_list run() const {
    const at::AutoGradMode mode(wants);
    return closure->call(in);
  }

  variable_list gradient(const variable_list &outputs) const {
    variable_list with;
    for (const at::Tensor &t : outputs) {
      if (t.requires_grad()) with.push_back(t);
    }
    return torch::autograd::grad(with, leaves, cotangents, /*retain_graph=*/c10::optional<bool>(false), /*create_graph=*/false, /*allow_unused=*/true);
  }

  // What the outputs are, once known.
  void describe(const variable_list &outputs) {
    moved.clear();
    cotangents.clear();
    for (const at::Tensor &t : outputs) {
      moved.push_back(t.requires_grad());
      if (t.requires_grad()) cotangents.push_back(at::zeros(t.sizes(), t.options().requires_grad(false)));
    }
    if (cotangents.empty()) wants = false;
  }

  void forward() {
#if defined(ISAC_CUDA_GRAPHS)
    if (recorded()) {
      const c10::cuda::CUDAGuard guard(device);
      forward_graph->replay();
      return;
    }
#endif
    const variable_list outputs = run();
    out.clear();
    for (const at::Tensor &t : outputs) out.push_back(t.detach());
    if (wants) history = outputs;
  }

  void backward() {
#if defined(ISAC_CUDA_GRAPHS)
    if (recorded()) {
      const c10::cuda::CUDAGuard guard(device);
      backward_graph->replay();
      return;
    }
#endif
    TORCH_CHECK(!history.empty(), "the gradient of this run was taken already");
    const at::AutoGradMode mode(true);
    grads = gradient(history);
    history.clear();
  }

#if defined(ISAC_CUDA_GRAPHS)
  // Records both graphs, after runs that have libraries choose their kernels and take their memory.
  void record(c10::DeviceIndex dev) {
    device = dev;
    const c10::cuda::CUDAGuard guard(dev);
    c10::cuda::device_synchronize();
    const c10::cuda::CUDAStream side = stream(dev);
    {
      const c10::cuda::CUDAStreamGuard on(side);
      for (int i = 0; i < 2; i++) {
        const variable_list outputs = run();
        if (i == 0) describe(outputs);
        if (wants) gradient(outputs);
      }
      side.synchronize();
      // Graphs take their memory from a pool of their own, so what the runs left is of no use to them.
      c10::cuda::CUDACachingAllocator::emptyCache();
      variable_list outputs;
      auto one = std::make_unique<at::cuda::CUDAGraph>(), two = std::make_unique<at::cuda::CUDAGraph>();
      capture(*one, {0, 0}, [&] { outputs = run(); });
      if (wants) {
        const at::AutoGradMode mode(true);
        capture(*two, one->pool(), [&] { grads = gradient(outputs); });
      }
      for (const at::Tensor &t : outputs) out.push_back(t.detach());
      forward_graph = std::move(one);
      if (wants) backward_graph = std::move(two);
      side.synchronize();
    }
  }

  template <class F>
  static void capture(at::cuda::CUDAGraph &graph, c10::MempoolId_t pool, F f) {
    // Other threads of this process may go on with what is not allowed to this one.
    graph.capture_begin(pool, cudaStreamCaptureModeThreadLocal);
    try {
      f();
    } catch (...) {
      try {
        graph.capture_end();
      } catch (...) {
      }
      cudaGetLastError();
      throw;
    }
    graph.capture_end();
  }

  // One stream of a device for all recordings: libraries keep memory for each stream that they have seen.
  static c10::cuda::CUDAStream stream(c10::DeviceIndex dev) {
    static std::mutex mutex;
    static auto *streams = new std::map<c10::DeviceIndex, c10::cuda::CUDAStream>;
    std::lock_guard<std::mutex> lock(mutex);
    auto at = streams->find(dev);
    if (at == streams->end()) at = streams->emplace(dev, c10::cuda::getStreamFromPool(/*isHighPriority=*/false, dev)).first;
    return at->second;
  }
#endif
};

// A run of a graph within a larger computation.
struct Repeat : torch::autograd::Function<Repeat> {
  static variable_list forward(AutogradContext *ctx, at::TensorList inputs, c10::intrusive_ptr<Graph> g) {
    ctx->saved_data["graph"] = c10::IValue::make_capsule(g);
    g->set_inputs(variable_list(inputs.begin(), inputs.end()));
    g->forward();
    variable_list outputs, still;
    for (size_t i = 0; i < g->out.size(); i++) {
      outputs.push_back(g->out[i].detach());
      if (!g->moved[i]) still.push_back(outputs.back());
    }
    ctx->mark_non_differentiable(still);
    ctx->set_materialize_grads(false);
    return outputs;
  }

  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    auto g = c10::static_intrusive_pointer_cast<Graph>(ctx->saved_data["graph"].toCapsule());
    size_t next = 0;
    for (size_t i = 0; i < grads.size(); i++) {
      if (!g->moved[i]) continue;
      at::Tensor &to = g->cotangents[next++];
      if (grads[i].defined()) {
        to.copy_(grads[i]);
      } else {
        to.zero_();
      }
    }
    g->backward();
    variable_list result;
    next = 0;
    for (const bool wanted : g->wanted) {
      at::Tensor found;
      if (wanted && next < g->grads.size()) found = g->grads[next++];
      result.push_back(found.defined() ? found.clone() : found);
    }
    result.push_back(at::Tensor());  // for the graph
    return result;
  }
};

std::mutex graphs_mutex;
std::map<int64_t, c10::intrusive_ptr<Graph>> &graphs() {
  static auto *m = new std::map<int64_t, c10::intrusive_ptr<Graph>>;
  return *m;
}

c10::intrusive_ptr<Graph> graph(int64_t id) {
  std::lock_guard<std::mutex> lock(graphs_mutex);
  const auto at = graphs().find(id);
  if (at == graphs().end()) throw Failure("handle", "the graph is closed");
  return at->second;
}

variable_list defined(const uint64_t *ids, int64_t n) {
  variable_list out;
  for (int64_t i = 0; i < n; i++) {
    if (ids[i] != 0) out.push_back(tensor(ids[i]));
  }
  return out;
}

isac_int graph_new(uintptr_t h, const uint64_t *ids, int64_t n) {
  auto closure = c10::make_intrusive<Closure>(h);  // owns h from here on, also if something fails below
  return guard<isac_int>("graph", [&](Shapes &s) { s.add(ids, n); }, [&] {
    auto g = c10::make_intrusive<Graph>();
    for (int64_t i = 0; i < n; i++) closure->present.push_back(ids[i] != 0);
    g->closure = closure;
    bool cuda = false;
    for (const at::Tensor &t : defined(ids, n)) {
      const bool wanted = at::GradMode::is_enabled() && t.requires_grad();
      at::Tensor own = t.detach().clone(at::MemoryFormat::Contiguous);
      if (wanted) g->leaves.push_back(own.set_requires_grad(true));
      g->wants = g->wants || wanted;
      g->wanted.push_back(wanted);
      g->in.push_back(own);
      cuda = cuda || t.is_cuda();
    }
    TORCH_CHECK(!g->in.empty(), "a graph needs at least one tensor to go in");
#if defined(ISAC_CUDA_GRAPHS)
    if (cuda) g->record(g->in[0].device().index());
#else
    if (cuda) throw Failure("unsupported", "libisactorch.so was built without CUDA's headers, so it records no graphs: build it where nvcc or pip's nvidia-cuda-runtime is");
#endif
    if (!g->recorded()) {
      const variable_list outputs = g->run();
      g->describe(outputs);
    }
    static int64_t last = 0;
    std::lock_guard<std::mutex> lock(graphs_mutex);
    graphs()[++last] = g;
    return isac_int{last, nullptr};
  });
}

isac_list graph_run(int64_t id, const uint64_t *ids, int64_t n) {
  return guard<isac_list>("graph", [&](Shapes &s) { s.add(ids, n); }, [&] {
    const auto g = graph(id);
    const variable_list inputs = defined(ids, n);
    TORCH_CHECK(inputs.size() == g->in.size(), inputs.size(), " tensors for a graph of ", g->in.size());
    if (g->wants && at::GradMode::is_enabled()) return list(Repeat::apply(at::TensorList(inputs), g), "graph");
    g->set_inputs(inputs);
    g->forward();
    variable_list outputs;
    for (const at::Tensor &t : g->out) outputs.push_back(t.clone());  // the next run writes over what this one gave
    return list(outputs, "graph");
  });
}

isac_status graph_free(int64_t id) {
  return guard<isac_status>("graph", [&] {
    c10::intrusive_ptr<Graph> g = graph(id);
    std::lock_guard<std::mutex> lock(graphs_mutex);
    graphs().erase(id);
    return isac_status{};
  });
}

}  // namespace

void fill_graph(isac_core *core) {
  core->graph_new = graph_new;
  core->graph_run = graph_run;
  core->graph_free = graph_free;
}

}  // namespace isac
