"""HTTP boot: iPXE scripts made for each machine, kernels, initrds, images."""
