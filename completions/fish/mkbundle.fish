# Completions of mkbundle for fish, written by scripts/completions.
complete -c mkbundle -l tar -r -d 'unpack this archive, plain or compressed, instead; FILE may be - for standard input'
complete -c mkbundle -s h -d 'display this help'
complete -c mkbundle -l help -d 'display this help'
complete -c mkbundle -s V -d 'display version'
complete -c mkbundle -l version -d 'display version'
