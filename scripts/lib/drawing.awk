# Draws a chain of words, one beneath the other, with what each changes beside it: lines "WORD | CHANGE" become an SVG.

BEGIN { FS = " *[|] *"; row = 52; left = 20; width = 180 }

/^#/ || NF < 2 { next }
{ word[++count] = text($1); change[count] = text($2) }

END {
  height = count * row + 20
  print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 660 " height "\" width=\"660\" height=\"" height "\" role=\"img\">"
  print "<title>The words of the line, and what each changes</title>"
  print "<style>"
  print "  rect { fill: #f6f8fa; stroke: #57606a; } path { fill: none; stroke: #57606a; } .head { fill: #57606a; stroke: none; }"
  print "  text { font: 14px sans-serif; fill: #24292f; } .word { font-family: monospace; text-anchor: middle; }"
  print "</style>"
  print "<rect x=\"0\" y=\"0\" width=\"660\" height=\"" height "\" style=\"fill: #ffffff; stroke: none\"/>"
  for (i = 1; i <= count; i++) draw(i, 12 + (i - 1) * row)
  print "</svg>"
}

function draw(i, y, middle) {
  middle = left + width / 2
  print "<rect x=\"" left "\" y=\"" y "\" width=\"" width "\" height=\"32\" rx=\"4\"/>"
  print "<text class=\"word\" x=\"" middle "\" y=\"" y + 21 "\">" word[i] "</text>"
  print "<path stroke-dasharray=\"3 3\" d=\"M" left + width " " y + 16 " H" left + width + 30 "\"/>"
  print "<text x=\"" left + width + 40 "\" y=\"" y + 21 "\">" change[i] "</text>"
  if (i == count) return
  print "<path d=\"M" middle " " y + 32 " V" y + row - 6 "\"/>"
  print "<path class=\"head\" d=\"M" middle - 4 " " y + row - 8 " h8 l-4 8 z\"/>"
}

function text(value) {
  gsub(/&/, "\\&amp;", value)
  gsub(/</, "\\&lt;", value)
  gsub(/>/, "\\&gt;", value)
  return value
}
