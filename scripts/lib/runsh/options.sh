# Reads options as runc does: "--name value", "--name=value", and the same with one dash.
# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # The commands and what they share know the variables of each other.

# is_option [WORD [NEXT...]]: whether WORD is an option; then $name is its name, and $attached what stands after "=".
is_option() {
  case ${1-} in
    -- | - | '' | [!-]*) return 1 ;;
  esac
  name=${1#-}
  name=${name#-}
  attached=
  case $name in
    *=*)
      attached=${name#"${name%%=*}"}
      name=${name%%=*}
      ;;
  esac
  value='' taken=1
}

# take_value WORD [NEXT...]: sets $value.
take_value() {
  if [ -n "$attached" ]; then
    value=${attached#=}
  else
    [ $# -gt 1 ] || usage_error "option '$1' needs a value"
    value=$2 taken=2
  fi
  [ -n "$value" ] || usage_error "option '${1%%=*}' needs a value"
}

# take_glued WORD: sets $value to what stands behind the letter of "-bDIR", a form that runc does not have.
take_glued() {
  case $1 in
    --*) unknown_option "$1" ;;
  esac
  value=${1#-?}
}

# take_flag: sets $value to "yes", or to nothing.
take_flag() {
  case ${attached#=} in
    '' | 1 | t | T | true | TRUE | True) value=yes ;;
    0 | f | F | false | FALSE | False) value= ;;
    *) usage_error "invalid value '${attached#=}' of '--$name': it is true or false" ;;
  esac
}

unknown_option() {
  usage_error "invalid option '${1%%=*}'"
}

# take_operand WORD...: sets $id to WORD, or to the word after "--". Options may follow WORD, as with runc.
take_operand() {
  taken=1
  if [ "$1" = -- ]; then
    [ $# -le 2 ] || usage_error "unexpected operand '$3'"
    [ $# -eq 2 ] || return 0
    shift
    taken=2
  fi
  [ -z "$id" ] || usage_error "unexpected operand '$1'"
  id=$1
}

# parse_id WORD...: sets $id to the only operand of a command without options.
parse_id() {
  id=
  while [ $# -gt 0 ]; do
    if is_option "$@"; then
      case $name in
        help | h) show_help ;;
        *) unknown_option "$1" ;;
      esac
    else
      take_operand "$@"
    fi
    shift "$taken"
  done
}

# absolute PATH: sets $path.
absolute() {
  path=$1
  case $path in
    /*) ;;
    *) path=$PWD/$path ;;
  esac
}
