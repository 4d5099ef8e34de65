# Reads what the parent says until the pipe ends. A line is the id of the process (and process group) that works in the
# directory now, 0 for none, or "done": all is cleaned up. An end without "done" means that the parent is dead.
trap '' HUP INT QUIT TERM
dir=$1
pid=0
while read -r line; do
    case $line in
        done) exit 0 ;;
        *) pid=$line ;;
    esac
done

if [ "$pid" -gt 1 ]; then
    # SIGQUIT is the server's immediate shutdown: it takes its backends and its shared memory along.
    kill -s QUIT -- "-$pid" 2>/dev/null
    tries=0
    # The lock file as well as the process: a container's first process may never reap, and a zombie still answers.
    while [ $tries -lt 80 ] && [ -e "$dir/data/postmaster.pid" ] && kill -s 0 -- "-$pid" 2>/dev/null; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill -s KILL -- "-$pid" 2>/dev/null
fi

# A process that is just ending may still be writing: try again.
tries=0
while [ $tries -lt 50 ]; do
    rm -rf -- "$dir" 2>/dev/null
    [ -e "$dir" ] || exit 0
    sleep 0.2
    tries=$((tries + 1))
done
exit 1
