# What a config.json holds, slurped, in; lines of shell out, which scripts/lib/config.sh gives their meaning:
#
#   document COUNT TYPE JSON STATUS CGROUP MOUNTINFO
#                                                 how many values it holds, the first, and files of /proc/self
#   field TYPE PATH VALUE                         each leaf, the mounts last
#   field array PATH VALUE...                     an array of strings, which is a leaf too
#
# PATH is the depth of the leaf and its path, such as 3["mounts",0,"type"].
# All else is left to the shell: jq 1.6 takes longer to compile a line than dash to run it.

def leaves:
  if (type == "object" and length > 0) or (type == "array" and any(.[]; type != "string")) then .[] | leaves else . end;

"document " + ([length, (.[0] | type, tojson), $status, $cgroup, $mountinfo] | @sh),
(
  .[0]
  | if type == "object" then del(.mounts), {mounts} else empty end
  | path(leaves) as $path
  | getpath($path)
  | "field " + ([type, "\($path | length)\($path | tojson)", if type == "array" then .[] else tostring end] | @sh)
)
