#!/bin/bash
# Makes machines of this one: each sees its files, and what it writes stays in memory. Runs in
# namespaces of its own (page-machine.ts), so that all of it goes when this script ends.
#
#     boot.sh FOLDER CHECKOUT NAME...
set -eu
folder=$1 checkout=$2
shift 2
here=$(dirname "$0")
lvm=$here/../../labs/fake-lvm.sh
modules=$(readlink -f "$checkout/node_modules")

mount -t tmpfs -o size=1g,mode=0755 tmpfs "$folder"
for name in "$@"; do
  root=$folder/$name
  mkdir -p "$root" "$folder/.$name/upper" "$folder/.$name/work"
  mount -t overlay -o "lowerdir=/,upperdir=$folder/.$name/upper,workdir=$folder/.$name/work" overlay "$root"
  for empty in tmp var/tmp run dev mnt srv; do
    mount -t tmpfs tmpfs "$root/$empty"
  done
  chmod 1777 "$root/tmp" "$root/var/tmp"
  # Of this machine, backy2 must see nothing.
  rm -rf "$root"/etc/backy* "$root"/var/lib/backy2 "$root"/root/.backy.cfg "$root"/var/log/backy2*
  mount -t proc proc "$root/proc"
  mount --rbind /sys "$root/sys"
  for path in "$checkout" "$modules"; do
    mkdir -p "$root$path"
    mount --bind "$path" "$root$path"
    mount -o remount,bind,ro "$root$path"
  done
  for device in null zero full random urandom tty fuse loop-control; do
    [ ! -e "/dev/$device" ] || cp -a "/dev/$device" "$root/dev/"
  done
  for number in {0..31}; do mknod "$root/dev/loop$number" b 7 "$number"; done
  mkdir "$root/dev/shm" "$root/run/lock"
  ln -s /proc/self/fd "$root/dev/fd"
  install "$here"/bin/* "$root/usr/local/sbin/"
  for tool in lvs lvcreate lvremove; do install "$lvm" "$root/usr/local/sbin/$tool"; done
  echo "$name" >"$root/etc/hostname"
done
# For ssh, which reaches the others.
for name in "$@"; do
  for other in "$@"; do
    [ "$name" = "$other" ] || { mkdir -p "$folder/$name/run/hosts/$other" && mount --rbind "$folder/$other" "$folder/$name/run/hosts/$other"; }
  done
done
echo ready
exec sleep infinity
