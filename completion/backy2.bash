# Completion of backy2 for bash. Install it with one of
#   source <(backy2 completion bash)                          # in ~/.bashrc
#   backy2 completion bash > /etc/bash_completion.d/backy2    # for all users
# The program lists the words that fit at the cursor, so this script works with every version of it.

_backy2() {
  local -a words=()
  local rest=${COMP_LINE:0:COMP_POINT} word answer prefix i

  # Bash also splits words at ":" and "=": join what no blank separates. The last word ends at the
  # cursor.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if ((i == 0)) || _backy2_starts_word; then words+=(''); fi
    rest=${rest#"${rest%%[![:blank:]]*}"}
    if [[ -n $COMP_LINE && $i -eq $COMP_CWORD ]]; then word=$rest; fi
    rest=${rest#"$word"}
    words[${#words[@]} - 1]+=$word
  done

  local current=${words[${#words[@]} - 1]}
  local program=${words[0]/#\~/$HOME}
  type -P -- "$program" >/dev/null || program=backy2
  # Without quotes.
  words=("${words[@]//[\"\'\\]/}")
  local plain=${words[${#words[@]} - 1]}

  COMPREPLY=()
  {
    IFS= read -r answer || return 0
    if [[ $answer == files* ]]; then
      prefix=${answer#files$'\t'}
      # Readline quotes names and adds a slash to folders, but not after a prefix, where it sees no
      # file.
      [[ -n $prefix ]] || compopt -o filenames 2>/dev/null
      while IFS= read -r word; do
        if [[ -n $prefix ]]; then
          [[ -d $word ]] && word+=/
          _backy2_quote
          word=$prefix$word
        fi
        COMPREPLY+=("$word")
      done < <(compgen -f -- "${plain#"$prefix"}")
    fi
    while IFS= read -r word; do
      word=${word%%$'\t'*}
      [[ $word == "$plain"* ]] || continue
      # After an open quote, words are inserted unchanged; skip words that would change there.
      if [[ $current != [\"\']* ]]; then _backy2_quote
      elif [[ $word == *[\"\'\`\$\\!]* ]]; then continue; fi
      COMPREPLY+=("$word")
    done
  } < <(command "$program" __complete "${words[@]:1}" 2>/dev/null </dev/null)

  # Readline inserts only the part after the last ":" or "=".
  if [[ $current != [\"\']* ]]; then
    for i in : =; do
      [[ $COMP_WORDBREAKS == *"$i"* && $current == *"$i"* ]] || continue
      prefix=${current%"${current##*"$i"}"}
      COMPREPLY=("${COMPREPLY[@]#"$prefix"}")
      current=${current#"$prefix"}
    done
  fi
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == */ ]] && compopt -o nospace 2>/dev/null
  return 0
}

# Whether a blank precedes $word. Without COMP_LINE, ":" and "=" join the words around them.
_backy2_starts_word() {
  if [[ -n $COMP_LINE ]]; then [[ $rest == [[:blank:]]* ]]
  else [[ $word != [:=]* && ${COMP_WORDS[i - 1]} != *[:=] ]]; fi
}

# Quotes $word if the shell needs it.
_backy2_quote() {
  [[ $word != *[!A-Za-z0-9_.,:/=@%+-]* ]] || printf -v word %q "$word"
}

complete -F _backy2 backy2
