# Completions of runsh for fish, written by scripts/completions.
complete -c runsh -s b -r -d 'the bundle: config.json and the root file system (default: .)'
complete -c runsh -l bundle -r -d 'the bundle: config.json and the root file system (default: .)'
complete -c runsh -l no-pivot -d 'move the root mount instead of pivoting, as on an initial ramfs'
complete -c runsh -l no-new-keyring -d 'keep the session keyring of the caller'
complete -c runsh -s h -d 'display this help'
complete -c runsh -l help -d 'display this help'
complete -c runsh -s V -d 'display version'
complete -c runsh -l version -d 'display version'
