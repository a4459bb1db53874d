/* SPDX-License-Identifier: (GPL-2.0-only WITH Linux-syscall-note) OR BSD-3-Clause */
/*
 * muser.h - /dev/muser/<uuid>: how a device process serves a mediated device.
 *
 * The file carries vfio-user messages (QEMU docs/interop/vfio-user.rst). muser.ko is the vfio-user
 * client, the process that has the file open is the server. There is one server at a time: a
 * second open(2) gets EBUSY. The server's way:
 *
 *	open; MUSER_GET_INFO; MUSER_MEM_CREATE for each region with memory; MUSER_START;
 *	then read messages, and write replies, until read(2) gives 0: the device was removed.
 *
 * read(2) gives as many whole messages as fit, EMSGSIZE if not even the first one does, and waits
 * unless O_NONBLOCK (EAGAIN). write(2) takes whole replies, many at a time, up to the first bad
 * one (EINVAL: malformed, or to another command than the request with its id; EFAULT): it returns
 * the bytes of those before, or that error. A reply that nobody waits for is taken and forgotten.
 * MUSER_EXCHANGE does both in one call. poll(2): POLLIN: messages; POLLOUT: always; POLLPRI:
 * trapped pages were written; POLLERR: the server is refused (MUSER_START), or has closed the file;
 * POLLHUP: the device was removed.
 *
 * All structs: argsz is the caller's sizeof; flags and reserved fields that are not known must be
 * zero (EINVAL). Layouts are the same for 32-bit processes. Beside the errors that each command
 * names: ENOTTY: no such command; EFAULT; EINTR; ENOMEM; and, of all but MUSER_GET_INFO and
 * MUSER_MEM_TRAP, ENODEV: the device was removed.
 */
#ifndef _LINUX_MUSER_H
#define _LINUX_MUSER_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * The server is the process that calls MUSER_START: all that share its table of descriptors, as
 * threads do. Before that, whoever has the file may act: it can be opened, and then be passed on
 * by fork(2), execve(2) or SCM_RIGHTS. Afterwards read(2), write(2), mmap(2) and commands of all
 * others fail (EPERM), such as those of a child that has the descriptor. The next server may open
 * its own when this one has closed its last descriptor and unmapped all, or has ended, whoever else
 * has the file open: to them it is of no use any more (EPERM; poll(2): POLLERR).
 */

/*
 * How the interface grows:
 *
 *  - Structs grow at their ends, where zeros mean what was before. A program with the shorter
 *    struct passes its own argsz: the module takes what is missing as zeros, and writes nothing
 *    behind it. One with a longer struct than the module's has zeros there, or gets EINVAL. EINVAL
 *    as well: an argsz that is shorter than the struct was at first (muser_info: up to @features;
 *    muser_start: up to @reserved), or longer than a page.
 *  - What is new has a bit, MUSER_FEATURE_*. MUSER_GET_INFO says which ones the module has;
 *    MUSER_START takes those of them that the server knows. The module sends no message, and no
 *    flag in one, of a feature that was not taken.
 *  - MUSER_API_VERSION changes if what is there gets another meaning. Module and server must have
 *    the same one: MUSER_START fails otherwise (EPROTONOSUPPORT). What MUSER_GET_INFO gives up to
 *    @features is the same in all versions.
 */
#define MUSER_API_VERSION 1

#define MUSER_FEATURE_CLIENT (1ULL << 0) /* MUSER_CLIENT_OPEN and MUSER_CLIENT_CLOSE */

/*
 * The profile of vfio-user that is spoken here:
 *
 *  - VERSION carries no JSON, either way; sizes are limited by max_msg of MUSER_GET_INFO. It comes
 *    once after each MUSER_START, with GET_INFO, GET_REGION_INFO and GET_IRQ_INFO, whose answers
 *    are kept. A server that takes over must give the same answers.
 *  - Rules for these answers (else EPROTO): version 0.0 or 0.1; VFIO_DEVICE_FLAGS_PCI, 8 to 15
 *    regions, up to 16 interrupt indexes. The argsz of a region's answer is no more than the
 *    answer's bytes: that of the question is what may come, 16 KiB. A region has up to
 *    1 << MUSER_SPACE_SHIFT bytes; its offset is the module's to choose. One with
 *    VFIO_REGION_INFO_FLAG_MMAP has memory of MUSER_MEM_CREATE for all of its pages; sparse areas
 *    are whole pages of it. Each capability lies behind the one before it. INTx, ERR and REQ have
 *    one vector at most, other indexes 2048. REQ is the module's to signal, too; without a vector
 *    for it, the client gets one that the server hears nothing of.
 *  - Descriptors never travel. SET_IRQS with VFIO_IRQ_SET_DATA_EVENTFD carries a byte for each
 *    vector, like DATA_BOOL: 1: it has an eventfd now, 0: it has none. The module keeps the
 *    eventfds; MUSER_IRQ_TRIGGER signals them. An eventfd that unmasks arrives as plain
 *    ACTION_UNMASK (No_reply) when it is signalled.
 *  - The client takes eventfds away without the server's consent. SET_IRQS with No_reply says
 *    which vectors of the index have one still, or with DATA_NONE and count 0 that it is off.
 *  - REGION_READ and REGION_WRITE of up to 8 bytes may lie across the end of their region, or
 *    behind it, as a guest's may. To be answered as a bus does: all ones, and as if it was done.
 *  - There is no DMA_MAP. The server asks for ranges with MUSER_DMA_PIN. DMA_UNMAP (No_reply)
 *    comes after the fact: the memory is unmapped already, a scratch page in its place. It comes
 *    for all addresses when root forbids MUSER_DMA_FILE: what is pinned stays so, and is returned
 *    without that flag from now on.
 *  - Messages with No_reply are numbered: their id is 1 for the first one that a server is sent,
 *    and wraps. What is unread is merged: one unmask stands for several, one DMA_UNMAP for ranges
 *    that touch, and of clients that came and left unseen there is at most one. Then ids are left
 *    out. Who leaves more than 4096 DMA_UNMAPs unread gets one of all that lies between several,
 *    so that memory may be the client's still: pin it again.
 *  - MUSER_CLIENT_OPEN and MUSER_CLIENT_CLOSE (No_reply) stand for connect and disconnect, for a
 *    server that has taken MUSER_FEATURE_CLIENT. OPEN comes before the first call of a client
 *    that has opened the device; one that has not called yet is no client (ENOTCONN). A server
 *    that takes over gets CLOSE first if the client that the last one knew has closed, OPEN if
 *    there is one, then SET_IRQS for what that one has set.
 *  - Of errors in replies, EPERM, ENXIO, ENOMEM, EACCES, EBUSY, EINVAL, ENOTTY, ENOSPC, ERANGE and
 *    EOPNOTSUPP reach the client's system call; any other is EIO there, as is a reply that is too
 *    long, or too short.
 *  - A server that lets the time limit pass without any answer hangs: requests fail until it
 *    answers. So that there is something to answer, it is asked GET_INFO once more.
 *  - A request that a previous server has not answered comes again, flagged MUSER_F_REPLAYED.
 *  - A request is flagged MUSER_F_WRITTEN if a page was written and not fetched (MUSER_MEM_TRAP)
 *    when it was sent. Its sender may expect that the device knows of the write before it answers.
 */

/* Commands beside those of vfio-user, and bits of the header's flags word. */
#define MUSER_CLIENT_OPEN  0xff00 /* payload: struct muser_client */
#define MUSER_CLIENT_CLOSE 0xff01 /* no payload */
#define MUSER_F_WRITTEN    (1U << 30)
#define MUSER_F_REPLAYED   (1U << 31)

/**
 * struct muser_client - payload of MUSER_CLIENT_OPEN
 * @pid: The client, in the server's PID namespace; 0: not visible there.
 * @uid: Its user, in the server's user namespace.
 */
struct muser_client {
	__u32 pid;
	__u32 uid;
};

/* ---- offsets for mmap(2) ------------------------------------------------------------- */

/*
 * All are MAP_SHARED. EINVAL: private, or beyond the end; ENXIO: there is no such memory.
 *
 * Mappings keep the server's place: as long as there is one, the next server's open(2) gets EBUSY.
 * A child that is forked has none of them, unless madvise(2) was called with MADV_DOFORK. System
 * calls copy to and from them as ever, but take no references to their pages (EFAULT: O_DIRECT,
 * vmsplice(2), registered buffers; shared futexes): only MUSER_MMAP_FILE is for that.
 */

/* Memory made by MUSER_MEM_CREATE, by space: the region's index, or MUSER_SPACE_STATE. */
#define MUSER_SPACE_STATE  15U
#define MUSER_NR_SPACES    16U
#define MUSER_SPACE_SHIFT  40
#define MUSER_MMAP_MEM(space) ((__u64)(space) << MUSER_SPACE_SHIFT)
/*
 * + IOVA: client memory, by its address. Any range may be mapped, at any time and once for all:
 * pages that are pinned show the client's memory, others a scratch page. A write to one that the
 * client has mapped read-only is SIGBUS. Beyond the process's reach (32 bits): MUSER_DMA_RW.
 */
#define MUSER_MMAP_DMA     (1ULL << 62)
#define MUSER_DMA_LIMIT    (1ULL << 61) /* addresses below it can be pinned */
/*
 * + IOVA: a range that MUSER_DMA_PIN has returned with MUSER_DMA_FILE, or a part of it. System
 * calls take such memory where they refuse the other (EFAULT): O_DIRECT, vmsplice(2), registered
 * buffers. Pages that are let go, by whomever, show a scratch page in this mapping from then on,
 * for good, which system calls refuse, too. References that they took before stay.
 */
#define MUSER_MMAP_FILE    (3ULL << 61)

/*
 * Of the ioctl types that nobody has, neither in Documentation/userspace-api/ioctl/ioctl-number.rst
 * nor in a header of the kernel up to 7.3: strace(1) and filters of system calls must not take a
 * command for another's.
 */
#define MUSER_TYPE 0xD8

/* ---- MUSER_GET_INFO ------------------------------------------------------------------ */

#define MUSER_INFO_RESTART  (1U << 0) /* @restarts is not 0 */
#define MUSER_INFO_CLIENT   (1U << 1) /* there is a client: one that has called */

/**
 * struct muser_info - MUSER_GET_INFO, at any time
 * @argsz: sizeof(struct muser_info), or up to @features at least.
 * @flags: In: 0. Out: MUSER_INFO_*.
 * @version: Out: MUSER_API_VERSION of the module.
 * @max_msg: Out: bytes of the longest message, header included.
 * @features: Out: MUSER_FEATURE_* that the module has.
 * @restarts: Out: how many servers were here before that have called MUSER_START.
 * @reserved: 0.
 * @uuid: Out: the device's.
 */
struct muser_info {
	__u32 argsz;
	__u32 flags;
	__u32 version;
	__u32 max_msg;
	__u64 features;
	__u32 restarts;
	__u32 reserved;
	__u8  uuid[16];
};
#define MUSER_GET_INFO _IO(MUSER_TYPE, 0)

/* ---- MUSER_MEM_CREATE ---------------------------------------------------------------- */

#define MUSER_MEM_KEPT (1U << 0) /* it was there: as the previous server left it */

/**
 * struct muser_mem - MUSER_MEM_CREATE, before MUSER_START
 * @argsz: sizeof(struct muser_mem).
 * @flags: In: 0. Out: MUSER_MEM_KEPT.
 * @space: The region's index, or MUSER_SPACE_STATE.
 * @reserved: 0.
 * @size: In bytes: whole pages.
 *
 * Memory of a region, or of the server's state, that outlives every server, also one that was never
 * started; zero at first. If it is there already, @size must be the same (ESTALE: it was another
 * device). ENOSPC: more than the mdev's attribute max_memory; EINVAL: no such space, or no whole
 * pages, or more than 1 << MUSER_SPACE_SHIFT bytes; EALREADY: after MUSER_START.
 */
struct muser_mem {
	__u32 argsz;
	__u32 flags;
	__u32 space;
	__u32 reserved;
	__u64 size;
};
#define MUSER_MEM_CREATE _IO(MUSER_TYPE, 1)

/* ---- MUSER_START --------------------------------------------------------------------- */

#define MUSER_START_RESTARTABLE (1U << 0) /* its state is in MUSER_MEM_CREATE memory only */

/**
 * struct muser_start - MUSER_START: the server is ready for messages
 * @argsz: sizeof(struct muser_start), or up to @reserved at least.
 * @flags: MUSER_START_*.
 * @version: MUSER_API_VERSION.
 * @reserved: 0.
 * @features: MUSER_FEATURE_* that the server knows, of those that the module has.
 *
 * Once. EALREADY: it was called; EPROTONOSUPPORT: another version; EINVAL: a feature that the
 * module does not have. A server that is refused gets POLLERR, and from read(2) and
 * MUSER_EXCHANGE: EPROTO: its answers break the rules, namely the one to the message that it was
 * sent last; ESTALE: it is another device than its predecessor; ETIMEDOUT: it does not answer;
 * ENOMEM. It can only close the file.
 */
struct muser_start {
	__u32 argsz;
	__u32 flags;
	__u32 version;
	__u32 reserved;
	__u64 features;
};
#define MUSER_START _IO(MUSER_TYPE, 2)

/* ---- MUSER_EXCHANGE ------------------------------------------------------------------ */

#define MUSER_EXCHANGE_NOWAIT (1U << 0)

/**
 * struct muser_exchange - MUSER_EXCHANGE: replies in, messages out
 * @argsz: sizeof(struct muser_exchange).
 * @flags: MUSER_EXCHANGE_NOWAIT.
 * @out: Address of the replies.
 * @in: Address of the buffer for messages.
 * @out_len: Bytes of the replies.
 * @in_size: Bytes of the buffer.
 * @in_len: Out: bytes of the messages.
 * @wake_fd: A file to wait for as well; -1: none.
 * @timeout_ns: How long to wait; all ones: for ever.
 *
 * Take replies as write(2) does, then give messages as read(2) does. Waits, unless
 * MUSER_EXCHANGE_NOWAIT (O_NONBLOCK is for read(2) alone), until there is a message, @wake_fd is
 * readable, or @timeout_ns has passed. 0 with in_len 0: nothing came. Errors of the replies come
 * first: those before the bad one are taken. All others come after all replies have been taken:
 * EMSGSIZE (not even the first message fits), EFAULT (@in), EINTR, EBADF (@wake_fd), ENODEV (the
 * device was removed), and what a server reads that is refused.
 */
struct muser_exchange {
	__u32 argsz;
	__u32 flags;
	__u64 out;
	__u64 in;
	__u32 out_len;
	__u32 in_size;
	__u32 in_len;
	__s32 wake_fd;
	__u64 timeout_ns;
};
#define MUSER_EXCHANGE _IO(MUSER_TYPE, 3)

/* ---- MUSER_IRQ_TRIGGER --------------------------------------------------------------- */

/**
 * struct muser_irq - MUSER_IRQ_TRIGGER: signal a vector's eventfd
 * @argsz: sizeof(struct muser_irq).
 * @flags: 0.
 * @index: VFIO_PCI_*_IRQ_INDEX.
 * @vector: Of the index.
 *
 * ENOENT: it has none; ENOTCONN: not started, or refused. Safe from any thread.
 */
struct muser_irq {
	__u32 argsz;
	__u32 flags;
	__u32 index;
	__u32 vector;
};
#define MUSER_IRQ_TRIGGER _IO(MUSER_TYPE, 4)

/* ---- DMA ----------------------------------------------------------------------------- */

#define MUSER_DMA_READ  (1U << 0) /* the device reads; PIN: MUSER_DMA_WRITE includes it */
#define MUSER_DMA_WRITE (1U << 1)
#define MUSER_DMA_FILE  (1U << 2) /* PIN; see struct muser_dma */

/**
 * struct muser_dma - MUSER_DMA_PIN and MUSER_DMA_UNPIN
 * @argsz: sizeof(struct muser_dma).
 * @flags: PIN: MUSER_DMA_READ, MUSER_DMA_WRITE or both, and MUSER_DMA_FILE; UNPIN: 0.
 * @iova: The client's address. PIN: out, too.
 * @size: In bytes. PIN: out, too.
 *
 * MUSER_DMA_PIN: pin the pages of [iova, iova + size), so that a mapping of MUSER_MMAP_DMA shows
 * them. On return iova and size are the pages that are pinned: they contain the range asked for,
 * and may be more of what the client has mapped around it. What is pinned stays until
 * MUSER_DMA_UNPIN, the client's unmap, or its end.
 *
 * With MUSER_DMA_FILE, if root allows it (the mdev's attribute "direct"), and if all that was asked
 * for is shared memory of one file that is not sealed against writes, the range returned is of that
 * file, and may be mapped as such, too: MUSER_MMAP_FILE. Else the flag is not returned.
 *
 * MUSER_DMA_UNPIN: let go of whole pages in the range; those not pinned are no error. EBUSY: the
 * client is unmapping some of them; ENOMEM; then none was let go.
 *
 * EINVAL: not mapped by the client, or out of bounds; EPERM: mapped read-only; ENOMEM: the client's
 * locked-memory limit; EOPNOTSUPP: such memory or IOMMU type cannot be pinned, or nothing of a
 * client that has come while some client's unmapping takes its time: MUSER_DMA_RW; EBUSY: being
 * unmapped now; ENOTCONN: no client, or not started, or refused.
 *
 * Both wait, killably, while threads of the client that unmap hold each other up: a second or two.
 * After ten, or twenty, it is EBUSY: the client has them stay in the kernel.
 */
struct muser_dma {
	__u32 argsz;
	__u32 flags;
	__u64 iova;
	__u64 size;
};
#define MUSER_DMA_PIN   _IO(MUSER_TYPE, 5)
#define MUSER_DMA_UNPIN _IO(MUSER_TYPE, 6)

/**
 * struct muser_dma_rw - MUSER_DMA_RW: copy, for memory that cannot be mapped
 * @argsz: sizeof(struct muser_dma_rw).
 * @flags: One of MUSER_DMA_WRITE: to the client; MUSER_DMA_READ: from it.
 * @iova: The client's address.
 * @size: In bytes.
 * @addr: Of the server's buffer.
 *
 * Errors as those of struct muser_dma; some of it may have been copied then. It waits for as long
 * as the client's memory is not there (userfaultfd, a file of FUSE): until the client unmaps it
 * (EBUSY) or closes the device (ENOTCONN), or the caller is killed. Such copies of one device are
 * made one after the other.
 */
struct muser_dma_rw {
	__u32 argsz;
	__u32 flags;
	__u64 iova;
	__u64 size;
	__u64 addr;
};
#define MUSER_DMA_RW    _IO(MUSER_TYPE, 7)

/* ---- MUSER_MEM_TRAP ------------------------------------------------------------------ */

#define MUSER_TRAP_ARM   (1U << 0)
#define MUSER_TRAP_FETCH (1U << 1)
#define MUSER_TRAP_OFF   (1U << 2)

/**
 * struct muser_trap - MUSER_MEM_TRAP: writes of the client to mapped memory
 * @argsz: sizeof(struct muser_trap).
 * @flags: MUSER_TRAP_*.
 * @space: As in struct muser_mem.
 * @posted: Out, FETCH: the number of the last No_reply message that this server was sent (16 bits).
 * @offset: In bytes: whole pages.
 * @size: In bytes: whole pages.
 * @bitmap: FETCH: address; whole 64-bit words.
 *
 * MUSER_TRAP_ARM: the next write to each page of the range is noticed (POLLPRI). MUSER_TRAP_FETCH:
 * into @bitmap, a bit a page, least significant first, which pages were written since they were
 * armed; what was fetched is no longer pending. Both: fetch, then arm again those that were
 * written. MUSER_TRAP_OFF, alone or with FETCH: no longer; what was not fetched is forgotten.
 *
 * EINVAL: other flags, or no whole pages of the space; ENXIO: it has no memory.
 *
 * A client that unmaps memory, maps other in its place, and then writes its address to a page
 * means the other. What it said before it wrote came, or comes, in messages with No_reply up to
 * number @posted: a device that looks at the page when it has served those finds addresses that are
 * meant as they are now.
 */
struct muser_trap {
	__u32 argsz;
	__u32 flags;
	__u32 space;
	__u32 posted;
	__u64 offset;
	__u64 size;
	__u64 bitmap;
};
#define MUSER_MEM_TRAP  _IO(MUSER_TYPE, 8)

#endif /* _LINUX_MUSER_H */
