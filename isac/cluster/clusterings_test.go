package cluster

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// planted gives SA[I,I], the pixels I and the clusters of the fixture.
func planted(t testing.TB, s *synthetic.Fixture, name string) (fg torch.Tensor, pixels []int, labels func(kind string) []int) {
	of := func(what string) []int { return intsOf(s.Tensor(t, "cluster/"+name+"/"+what).Int64s()) }
	v := s.Tensor(t, "cluster/"+name+"/vectors")
	return v.Matmul(v.Transpose(0, 1)).MulScalar(4).Softmax(1), of("pixels"), of
}

// randIndex is the adjusted Rand index of two clusterings: 1 for equal ones, about 0 for unrelated ones.
func randIndex(a, b []int) float64 {
	pairs := func(n int) float64 { return float64(n) * float64(n-1) / 2 }
	both, inA, inB := map[[2]int]int{}, map[int]int{}, map[int]int{}
	for i := range a {
		both[[2]int{a[i], b[i]}]++
		inA[a[i]]++
		inB[b[i]]++
	}
	index, sumA, sumB := 0.0, 0.0, 0.0
	for _, n := range both {
		index += pairs(n)
	}
	for _, n := range inA {
		sumA += pairs(n)
	}
	for _, n := range inB {
		sumB += pairs(n)
	}
	expected := sumA * sumB / pairs(len(a))
	return (index - expected) / ((sumA+sumB)/2 - expected)
}

// TestSpectralAgreesWithScikitLearn compares eigenvalues with numpy's, clusters with the same method's in numpy, and with
// scikit-learn's, which does not normalise rows.
func TestSpectralAgreesWithScikitLearn(t *testing.T) {
	torchtest.Require(t)
	s := synthetic.Open(t, "ablations")
	for name, c := range s.Clusterings {
		for _, dt := range []torch.DType{torch.Float64, torch.Float32} {
			t.Run(fmt.Sprintf("%s/%s", name, dt), func(t *testing.T) {
				synthetic.In(t, func() {
					fg, pixels, want := planted(t, s, name)
					w := affinity(fg.To(dt), coordinates(pixels, Grid{c.Grid[0], c.Grid[1]}, c.Weight))
					values, _ := embed(w, c.N)
					synthetic.Near(t, "eigenvalues", values, c.Eigenvalues, 1e-5)
					labels := spectral(w, c.N, nil, usual)
					if ari := randIndex(labels, want("spectral_plain")); ari != 1 {
						t.Errorf("agreement with the plain method is %v, want 1", ari)
					}
					if ari := randIndex(labels, want("spectral")); ari < 0.97 {
						t.Errorf("agreement with scikit-learn is %v, want 1 or a pixel or two less", ari)
					}
				})
			})
		}
	}
}

// TestMixtureAgreesWithScikitLearn compares principal components, some steps of EM from the same clusters, and the clusters that
// come out.
func TestMixtureAgreesWithScikitLearn(t *testing.T) {
	torchtest.Require(t)
	s := synthetic.Open(t, "ablations")
	for name, c := range s.Clusterings {
		t.Run(name, func(t *testing.T) {
			synthetic.In(t, func() {
				fg, pixels, want := planted(t, s, name)
				x := Features(fg, pixels, Grid{c.Grid[0], c.Grid[1]}, c.Weight, NormMinMax)
				scores := principal(x, c.N+1)
				var singular []float64
				for j := range c.N + 1 {
					singular = append(singular, mat.Norm(scores.ColView(j), 2))
				}
				synthetic.Near(t, "singular values", singular, c.Singular, 1e-6)

				m := newMixture(scores, want("gmm_start"), c.N)
				for range c.Steps {
					m.expect()
					m.maximise()
				}
				if got := m.expect(); math.Abs(got-c.Few) > 1e-4 {
					t.Errorf("after %d steps of EM the mean log-likelihood is %v, want %v", c.Steps, got, c.Few)
				}
				if labels := m.labels(); !slices.Equal(labels, want("gmm_few")) {
					t.Errorf("after %d steps of EM clusters are %v, want %v", c.Steps, labels, want("gmm_few"))
				}

				// EM from these clusters goes on until it gains little.
				m = newMixture(scores, want("gmm_start"), c.N)
				m.fit(1000)
				before := m.expect()
				m.maximise()
				if gain := m.expect() - before; gain > emTolerance {
					t.Errorf("a step more than EM took gains %v", gain)
				}

				labels := gaussians(x, c.N, nil, usual)
				if ari := randIndex(labels, want("gmm")); ari < 0.97 {
					t.Errorf("agreement with scikit-learn's best of 20 starts is %v", ari)
				}
				m = newMixture(scores, labels, c.N)
				m.fit(100)
				if got := m.expect(); got < c.Best-0.01 {
					t.Errorf("mean log-likelihood %v, scikit-learn's best of 20 starts has %v", got, c.Best)
				}
			})
		})
	}
}

// TestLeading compares eigenvalues and vectors with those that a matrix was made of, on spectra that are easy and hard: equal leading
// eigenvalues, a slow decay, and negative values of larger size.
func TestLeading(t *testing.T) {
	const size, n = 300, 5
	for name, value := range map[string]func(i int) float64{
		"equal":    func(i int) float64 { return map[bool]float64{true: 1, false: 0.5}[i < n] },
		"slow":     func(i int) float64 { return 1 / (1 + 0.05*float64(i)) },
		"negative": func(i int) float64 { return 1 - 3*float64(i)/size },
		"few":      func(i int) float64 { return float64(max(0, 3-i)) },
	} {
		var qr mat.QR
		qr.Factorize(mat.NewDense(size, size, synthetic.Normal(rand.New(rand.NewPCG(4, 5)), size*size, 1)))
		var q mat.Dense
		qr.QTo(&q)
		scaled := mat.DenseCopyOf(&q)
		var want []float64
		for j := range size {
			column := scaled.ColView(j).(*mat.VecDense)
			column.ScaleVec(value(j), column)
			if j < n {
				want = append(want, value(j))
			}
		}
		var a mat.Dense
		a.Mul(scaled, q.T())
		synthetic.In(t, func() {
			values, vectors := leading(torch.FromFloat64s(a.RawMatrix().Data, size, size), n)
			synthetic.Near(t, name+": eigenvalues", values, want, 1e-9)
			var applied, gram mat.Dense
			applied.Mul(&a, vectors)
			gram.Mul(vectors.T(), vectors)
			for j := range n {
				column := mat.NewVecDense(size, nil)
				if column.AddScaledVec(applied.ColView(j), -values[j], vectors.ColView(j)); column.Norm(2) > 1e-9 {
					t.Errorf("%s: vector %d is off by %v", name, j, column.Norm(2))
				}
				for i := range n {
					if want := map[bool]float64{true: 1}[i == j]; math.Abs(gram.At(i, j)-want) > 1e-9 {
						t.Errorf("%s: vectors %d and %d have product %v", name, i, j, gram.At(i, j))
					}
				}
			}
		})
	}
}

// TestClusteringsKeepNumbers holds, for each clustering, that every instance has pixels, that instances are numbered in order at
// first, that the next step keeps their numbers whatever they are, and that the same step gives the same clusters twice.
func TestClusteringsKeepNumbers(t *testing.T) {
	torchtest.Require(t)
	s := synthetic.Open(t, "ablations")
	for _, kind := range []Kind{KMeans, Spectral, GMM} {
		for name, c := range s.Clusterings {
			t.Run(fmt.Sprintf("%s/%s", kind, name), func(t *testing.T) {
				synthetic.In(t, func() {
					fg, pixels, want := planted(t, s, name)
					g := Grid{c.Grid[0], c.Grid[1]}
					fresh := func() *Clusterer { return &Clusterer{Kind: kind, Options: usual, Weight: c.Weight} }
					first := fresh()
					labels := first.Cluster(fg, pixels, g, c.N)
					if !slices.Equal(labels, inOrder(labels, c.N)) {
						t.Errorf("instances are not numbered in order: %v", labels)
					}
					if again := fresh().Cluster(fg, pixels, g, c.N); !slices.Equal(again, labels) {
						t.Error("the same step gives other clusters a second time")
					}
					if ari := randIndex(labels, want("owner")); ari < 0.9 {
						t.Errorf("agreement with what was planted is %v", ari)
					}

					// The planted instances under other numbers, the first row of pixels unknown.
					warm, given := fresh(), make([]int, len(pixels))
					for i, o := range want("owner") {
						if given[i] = (o + 1) % c.N; i < 5 {
							given[i] = -1
						}
					}
					warm.last, warm.at = Scatter(given, pixels, g), g
					kept := 0
					for i, l := range warm.Cluster(fg, pixels, g, c.N) {
						if l == (want("owner")[i]+1)%c.N {
							kept++
						}
					}
					if kept < len(pixels)*95/100 {
						t.Errorf("%d of %d pixels keep the number of their instance", kept, len(pixels))
					}
				})
			})
		}
	}
}

// TestClusteringsHaveNoEmptyCluster tries maps that have no clusters: flat, of zeros, of as many pixels as instances, and of one
// pixel that matters.
func TestClusteringsHaveNoEmptyCluster(t *testing.T) {
	synthetic.In(t, func() {
		spike := make([]float64, 36)
		spike[7] = 1
		noise := synthetic.Normal(rand.New(rand.NewPCG(1, 1)), 36, 1)
		for i := range noise {
			noise[i] = math.Abs(noise[i])
		}
		for name, values := range map[string][]float64{"flat": slices.Repeat([]float64{0.2}, 36), "zeros": make([]float64, 36), "a spike": spike, "noise": noise} {
			for _, kind := range []Kind{KMeans, Spectral, GMM} {
				for i := range 12 {
					n, weight := 1+i%6, float64(i/6) // without coordinates all pixels of a flat map are equal
					c := &Clusterer{Kind: kind, Options: usual, Weight: weight}
					for range 2 { // cold and warm
						labels := c.Cluster(torch.FromFloat64s(values, 6, 6), []int{0, 1, 2, 5, 6, 8}, Grid{3, 3}, n)
						for i := range n {
							if !slices.Contains(labels, i) {
								t.Errorf("%s, %s: instance %d of %d has no pixel in %v", name, kind, i, n, labels)
							}
						}
					}
				}
			}
		}
	})
}

// BenchmarkClustering is one clustering of attention with five planted instances, as the first step and later ones have it.
func BenchmarkClustering(b *testing.B) {
	torchtest.Require(b)
	for _, f := range []int{128, 2000, 4096} {
		for _, kind := range []Kind{KMeans, Spectral, GMM} {
			for _, warm := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s/F=%d/warm=%v", kind, f, warm), func(b *testing.B) {
					err := torch.InScope(func() error {
						side := int(math.Ceil(math.Sqrt(float64(f))))
						g, pixels := Grid{side, side}, make([]int, f)
						data, _ := cloud(1, f, 8, 5, 0.3)
						v := torch.FromFloat32s(data, int64(f), 8)
						fg := v.Matmul(v.Transpose(0, 1)).Softmax(1)
						for i := range pixels {
							pixels[i] = i
						}
						c := &Clusterer{Kind: kind, Options: usual, Weight: 0.1}
						for b.Loop() {
							if !warm {
								c.last = nil
							}
							torch.WithScope(func() []torch.Tensor {
								c.Cluster(fg, pixels, g, 5)
								return nil
							})
						}
						return nil
					})
					if err != nil {
						b.Fatal(err)
					}
				})
			}
		}
	}
}
