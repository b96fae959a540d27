# Completion of backy2 for fish. Install it with one of
#   backy2 completion fish > ~/.config/fish/completions/backy2.fish
#   backy2 completion fish > /usr/share/fish/vendor_completions.d/backy2.fish    # for all users
# The program lists the words that fit at the cursor, so this script works with every version of it.

function __backy2_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    # Without quotes; unescape fails for an open quote.
    set -l plain (string unescape -- $current; or printf '%s\n' $current)
    set -l program (string replace -r '^~/' "$HOME/" -- $words[1])
    type -q -- $program; or set program backy2
    set -l answer (command $program __complete $words[2..-1] "$plain" 2>/dev/null </dev/null)
    if string match -q 'files*' -- $answer[1]
        set -l prefix (string replace -r '^files\t' '' -- $answer[1])
        set -l typed (string sub -s (math (string length -- "$prefix") + 1) -- "$plain")
        for file in (__fish_complete_path "$typed")
            printf '%s\n' $prefix$file
        end
    end
    set -q answer[2]; and printf '%s\n' $answer[2..-1]
end

complete -c backy2 -f -k -a '(__backy2_complete)'
