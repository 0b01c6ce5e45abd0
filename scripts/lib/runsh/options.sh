# Options as runc takes them: --flag VALUE, --flag=VALUE, and either with one hyphen.
# shellcheck shell=sh disable=SC2034 # Those who call use the variables.

# option WORD...: whether the first word is an option; sets $option to its name without hyphens, and $attached to what
# stands behind "=". Sets $skip to the words that it takes.
option() {
  skip=0 attached='' has_value=
  case ${1-} in
    --)
      skip=1
      return 1
      ;;
    --*) option=${1#--} ;;
    -?*) option=${1#-} ;;
    *) return 1 ;;
  esac
  skip=1
  case $option in
    *=*) attached=${option#*=} option=${option%%=*} has_value=yes ;;
  esac
}

# value VARIABLE WORD...: sets VARIABLE to the value of the option, which is the first word.
value() {
  if [ -z "$has_value" ]; then
    [ $# -ge 3 ] || usage_error "flag needs an argument: -$option"
    attached=$3 skip=2
  fi
  eval "$1=\$attached"
}

# flag VARIABLE: sets VARIABLE to yes, or to nothing where the option says so.
flag() {
  case $has_value$attached in
    '' | yestrue | yes1 | yest | yesT | yesTRUE | yesTrue) eval "$1=yes" ;;
    yesfalse | yes0 | yesf | yesF | yesFALSE | yesFalse) eval "$1=" ;;
    *) usage_error "invalid boolean value '$attached' for -$option" ;;
  esac
}

unknown_option() {
  usage_error "flag provided but not defined: -$option"
}
