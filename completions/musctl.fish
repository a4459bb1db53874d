# SPDX-License-Identifier: BSD-3-Clause
#
# fish completion for musctl. What there is to complete, musctl itself knows.

function __musctl_complete
	set -l words (commandline -opc)
	set -l lines (musctl _complete $words[2..-1] (commandline -ct) 2>/dev/null)
	switch "$lines[1]"
		case :files
			__fish_complete_path (commandline -ct)
		case :commands
			__fish_complete_command
		case '*'
			printf '%s\n' $lines
	end
end

complete -c musctl -f -a '(__musctl_complete)'
