# The programs that the scripts use, and the Debian packages that hold them.
# shellcheck shell=sh

package_of() {
  case $1 in
    busybox) echo busybox-static ;;
    bwrap) echo bubblewrap ;;
    cc) echo gcc libc6-dev ;;
    getfattr) echo attr ;;
    newuidmap) echo uidmap ;;
    setfacl) echo acl ;;
    *) echo "$1" ;;
  esac
}

# Sets $missing to the packages of those PROGRAMs that are not there.
find_missing() {
  missing=
  for program; do
    command -v "$program" >/dev/null || missing="$missing $(package_of "$program")"
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

# ensure PROGRAM...: installs what is missing, as root; fails with the command to type, as another user.
ensure() {
  find_missing "$@"
  [ -n "$missing" ] || return 0
  [ "$(id -u)" -eq 0 ] || die "cannot find all programs: install them, as root, with: apt-get install $missing"
  install_missing || die "cannot install $missing"
}

# prefer PROGRAM...: the same for programs that one can do without.
prefer() {
  find_missing "$@"
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    warn "some programs are missing: install them, as root, with: apt-get install $missing"
  elif ! install_missing; then
    warn "cannot install $missing"
  fi
}
