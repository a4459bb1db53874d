# SPDX-License-Identifier: BSD-3-Clause
#
# program.awk - a program of a manual page as a file: what stands between two fences and begins with a
# comment that has its name. awk -v name=ticker.c -f man/program.awk man/muser.7.scd

/^```$/ { inside = !inside; ours = 0; next }
inside && index($0, "/* " name " - ") == 1 { ours = 1 }
inside && ours { gsub(/\\\\/, "\\"); print }
