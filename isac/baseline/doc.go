// Package baseline holds the guidance methods that ISAC is measured against, a file or two each. All are a guidance.Method, follow
// what their authors' code does rather than what their papers say where the two differ, and are listed in package methods.
//
//	attend_excite   Attend-and-Excite (Chefer et al., SIGGRAPH 2023; github.com/yuval-alaluf/Attend-and-Excite, and diffusers'
//	                StableDiffusionAttendAndExcitePipeline): every class shall be seen somewhere
//
// Others are to come, from
//
//	SynGen          Rassin et al., NeurIPS 2023; github.com/RoyiRa/Syntax-Guided-Generation
//	CONFORM         Meral et al., CVPR 2024; github.com/gemlab-vt/CONFORM
//	InitNO          Guo et al., CVPR 2024; github.com/xiefan-guo/initno
//	TEBOpt          Chen et al., NeurIPS 2024; github.com/basiclab/Unraveling-Information-Mix-ups
//	Self-Cross      Qiu et al., CVPR 2025; github.com/mengtang-lab/selfcross-guidance
//
// Prompts are of one chunk of the text encoder: where there are several, the beginning-of-text tokens of the later ones stay among
// the words.
package baseline
