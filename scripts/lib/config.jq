# What a config.json holds, slurped, in; lines of shell out, which scripts/lib/config.sh gives their meaning:
#
#   document COUNT TYPE JSON STATUS CGROUP MOUNTINFO
#       how many values there are, the first of them, and files of /proc/self
#   fieldDEPTH TYPE+PATH VALUE...
#       each leaf, such as: field3 'string["mounts",0,"type"]' 'proc'
#       An array of strings is one. The mounts come last.
#   complete=yes
#       the end, without which it is not all that there was
#
# All else is left to the shell: jq 1.6 takes longer to compile a line than dash to run it.

def leaves:
  if (type == "object" and length > 0) or (type == "array" and any(.[]; type != "string")) then .[] | leaves else . end;

"document " + ([length, (.[0] | type, tojson), $status, $cgroup, $mountinfo] | @sh),
(
  .[0]
  | if type == "object" then del(.mounts), {mounts} else empty end
  | path(leaves) as $path
  | getpath($path)
  | "field\([$path | length, 6] | min) "
    + ([type + ($path | tojson), if type == "array" then .[] else tostring end] | @sh)
),
"complete=yes"
