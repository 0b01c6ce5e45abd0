# The programs that the scripts use, and the Debian packages that hold them.
# shellcheck shell=sh disable=SC2034 # the scripts use the lists

build_programs='cargo cc'
lint_programs='cargo cc mandoc shellcheck shfmt'
suite_programs='bats findmnt jq mount'
# Without these some tests are skipped.
optional_programs='busybox bwrap cc cgexec chrt crun dot fish getfattr hyperfine ionice ip keyctl ksh93 lintian lz4 mandoc mkfs.ext4 mksh
  newuidmap numactl pgrep ps python3 runc script setarch setfacl strace taskset yash zsh zstd'
# Engines bring daemons, and may take the place of others: only continuous integration installs them.
engine_programs='conmon containerd ctr docker dockerd podman tini-static'
bench_programs='cargo cc cgexec hyperfine jq busybox runc crun bwrap'

package_of() {
  case $1 in
    busybox) echo busybox-static ;;
    bwrap) echo bubblewrap ;;
    cc) echo gcc libc6-dev ;;
    cgexec) echo cgroup-tools ;;
    chrt | findmnt | ionice | setarch | taskset) echo util-linux ;;
    getfattr) echo attr ;;
    ctr) echo containerd ;;
    dot) echo graphviz ;;
    docker | dockerd) echo docker.io ;;
    ip) echo iproute2 ;;
    keyctl) echo keyutils ;;
    ksh93) echo ksh93u+m ;;
    mkfs.ext4) echo e2fsprogs ;;
    newuidmap) echo uidmap ;;
    pgrep | ps) echo procps ;;
    script) echo bsdutils ;;
    setfacl) echo acl ;;
    tini-static) echo tini ;;
    *) echo "$1" ;;
  esac
}

# Sets $missing to the packages of those PROGRAMs that are not there, and $rust where cargo is not: Debian 12's is too old.
find_missing() {
  missing='' rust=''
  for program; do
    # An ordinary user's PATH may lack /usr/sbin.
    if command -v "$program" >/dev/null || command -v "/usr/sbin/$program" >/dev/null; then
      continue
    fi
    package=$(package_of "$program")
    case "$program/ $missing " in
      cargo/*) rust=1 ;;
      *" $package "*) ;;
      *) missing="$missing $package" ;;
    esac
  done
  missing=${missing# }
}

apt_install() {
  # shellcheck disable=SC2086 # a row of packages
  DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install $1 >/dev/null
}

install_missing() {
  command -v apt-get >/dev/null || return 1
  warn "installing $missing"
  apt_install "$missing" 2>/dev/null || {
    apt-get -qq update
    apt_install "$missing"
  }
}

# ensure PROGRAM... [-- OPTIONAL...]: installs what is missing, as root. Names the rest once, with the way to install it, and
# fails where a PROGRAM is among it.
ensure() {
  required='' optional=''
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    required="$required $1"
    shift
  done
  [ $# -eq 0 ] || shift
  optional=$*
  if [ "$(id -u)" -eq 0 ]; then
    for programs_of_a_kind in "$required" "$optional"; do
      # shellcheck disable=SC2086 # a row of programs
      find_missing $programs_of_a_kind
      [ -z "$missing" ] || install_missing || warn "cannot install $missing"
    done
  fi
  # shellcheck disable=SC2086 # a row of programs
  find_missing $required $optional
  [ -n "$missing$rust" ] || return 0
  how=
  [ -z "$rust" ] || how=', Rust 1.85 or later as https://rustup.rs says'
  [ -z "$missing" ] || how="$how, as root with: apt-get install $missing"
  # shellcheck disable=SC2086 # a row of programs
  find_missing $required
  [ -z "$missing$rust" ] || die "cannot find all programs: install${how#,}"
  warn "some tests are skipped where programs are missing: install${how#,}"
}
