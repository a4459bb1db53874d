# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# bash completion for musctl. What there is to complete, musctl itself knows.

_musctl()
{
	local cur=${COMP_WORDS[COMP_CWORD]} lines
	mapfile -t lines < <(musctl _complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	[[ $cur == "=" ]] && cur=
	case ${lines[0]-} in
	:files)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		;;
	:commands)
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		;;
	*)
		mapfile -t COMPREPLY < <(compgen -W "$(printf '%s\n' "${lines[@]%%$'\t'*}")" -- "$cur")
		[[ ${COMPREPLY[0]-} == *[=+] ]] && compopt -o nospace
		;;
	esac
	return 0
}

complete -F _musctl musctl
