# How the tools of a release are built.
# shellcheck shell=sh

# build_tools OPTION...: cargo build in the working directory, the project. No path of the machine gets into the binaries, so
# the same sources give the same bytes in whatever directory: those of the registry are below CARGO_HOME.
build_tools() {
  triple=$(rustc -vV | sed -n 's/^host: //p')
  cargo build --release --locked "$@" \
    --config "target.$triple.rustflags=[\"--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo\", \"--remap-path-prefix=$PWD=/runsh\"]"
}
