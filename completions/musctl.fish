# SPDX-License-Identifier: BSD-3-Clause
#
# fish completion for musctl. What there is to complete, musctl itself knows.

function __musctl_complete
	set -l words (commandline -opc)
	set -l word (commandline -ct)
	set -l lines (musctl _complete $words[2..-1] "$word" 2>/dev/null)
	switch "$lines[1]"
		case :files
			set -l option (string match -r -- '^--[^=]*=' "$word")
			for path in (__fish_complete_path (string replace -r -- '^--[^=]*=' '' "$word"))
				printf '%s%s\n' "$option" $path
			end
		case :commands
			__fish_complete_command
		case '*'
			printf '%s\n' $lines
	end
end

complete -c musctl -f -a '(__musctl_complete)'
