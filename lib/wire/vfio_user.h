/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio_user.h - the vfio-user protocol on the wire.
 *
 * Layouts and numbers of the vfio-user specification (QEMU docs/interop/vfio-user.rst), nothing
 * else. All fields are in host byte order. Messages stand anywhere in a byte stream, so the
 * structs are packed; those that the protocol shares with VFIO come from <linux/vfio.h> and are
 * copied out before use.
 */
#ifndef LM_VFIO_USER_H
#define LM_VFIO_USER_H

#include <assert.h>
#include <stdint.h>

#include <linux/vfio.h>

#define VFIO_USER_MAJOR 0
#define VFIO_USER_MINOR 2

/* Specification, "Commands". */
enum vfio_user_cmd {
	VFIO_USER_VERSION = 1,
	VFIO_USER_DMA_MAP = 2,
	VFIO_USER_DMA_UNMAP = 3,
	VFIO_USER_DEVICE_GET_INFO = 4,
	VFIO_USER_DEVICE_GET_REGION_INFO = 5,
	VFIO_USER_DEVICE_GET_REGION_IO_FDS = 6,
	VFIO_USER_DEVICE_GET_IRQ_INFO = 7,
	VFIO_USER_DEVICE_SET_IRQS = 8,
	VFIO_USER_REGION_READ = 9,
	VFIO_USER_REGION_WRITE = 10,
	VFIO_USER_DMA_READ = 11,
	VFIO_USER_DMA_WRITE = 12,
	VFIO_USER_DEVICE_RESET = 13,
	VFIO_USER_REGION_WRITE_MULTI = 15,
	VFIO_USER_DEVICE_FEATURE = 16,
	VFIO_USER_MIG_DATA_READ = 17,
	VFIO_USER_MIG_DATA_WRITE = 18,
};

/* Specification, "Header": the flags word. */
#define VFIO_USER_F_TYPE_MASK    0xfu
#define VFIO_USER_F_TYPE_COMMAND 0x0u
#define VFIO_USER_F_TYPE_REPLY   0x1u
#define VFIO_USER_F_NO_REPLY     (1u << 4)
#define VFIO_USER_F_ERROR        (1u << 5)

struct vfio_user_header {
	uint16_t msg_id;
	uint16_t cmd;
	uint32_t msg_size; /* header included */
	uint32_t flags;
	uint32_t error_no;
} __attribute__((packed));
static_assert(sizeof(struct vfio_user_header) == 16, "wire layout");

/* VFIO_USER_VERSION; JSON text with its NUL follows, or nothing. */
struct vfio_user_version {
	uint16_t major;
	uint16_t minor;
} __attribute__((packed));
static_assert(sizeof(struct vfio_user_version) == 4, "wire layout");

/* What a peer that does not say gets, "Version". */
#define VFIO_USER_DEFAULT_MAX_MSG_FDS 1u
#define VFIO_USER_DEFAULT_MAX_DATA    1048576u
#define VFIO_USER_DEFAULT_MAX_DMA     65535u
#define VFIO_USER_DEFAULT_PGSIZES     4096u

/* VFIO_USER_DMA_MAP */
#define VFIO_USER_DMA_READABLE  (1u << 0)
#define VFIO_USER_DMA_WRITEABLE (1u << 1)
#define VFIO_USER_DMA_MMAP      (1u << 2) /* libvfio-user 0.2: the descriptor may be mapped */
#define VFIO_USER_DMA_FILE_IO   (1u << 3) /* libvfio-user 0.2: use pread and pwrite instead */

struct vfio_user_dma_map {
	uint32_t argsz;
	uint32_t flags;
	uint64_t offset;
	uint64_t addr;
	uint64_t size;
} __attribute__((packed));
static_assert(sizeof(struct vfio_user_dma_map) == 32, "wire layout");

/* VFIO_USER_DMA_UNMAP; flags as VFIO_DMA_UNMAP_FLAG_*. */
struct vfio_user_dma_unmap {
	uint32_t argsz;
	uint32_t flags;
	uint64_t addr;
	uint64_t size;
} __attribute__((packed));
static_assert(sizeof(struct vfio_user_dma_unmap) == 24, "wire layout");

/* VFIO_USER_DEVICE_GET_INFO: the start of struct vfio_device_info, without capabilities. */
struct vfio_user_device_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t num_regions;
	uint32_t num_irqs;
} __attribute__((packed));
static_assert(sizeof(struct vfio_user_device_info) == 16, "wire layout");

/* As in <linux/vfio.h>; pinned here because peers rely on them. */
static_assert(sizeof(struct vfio_region_info) == 32, "wire layout");
static_assert(sizeof(struct vfio_irq_info) == 16, "wire layout");
static_assert(sizeof(struct vfio_irq_set) == 20, "wire layout");
static_assert(sizeof(struct vfio_region_info_cap_sparse_mmap) == 16, "wire layout");
static_assert(sizeof(struct vfio_region_sparse_mmap_area) == 16, "wire layout");

/* VFIO_USER_REGION_READ and WRITE; the data follow. */
struct vfio_user_region_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
} __attribute__((packed));
static_assert(sizeof(struct vfio_user_region_access) == 16, "wire layout");

/* VFIO_USER_REGION_WRITE_MULTI: a count, then so many writes. */
struct vfio_user_write_multi {
	uint64_t wr_cnt;
} __attribute__((packed));

struct vfio_user_write_single {
	uint64_t offset;
	uint32_t region;
	uint32_t count; /* at most 8 */
	uint8_t data[8];
} __attribute__((packed));
static_assert(sizeof(struct vfio_user_write_single) == 24, "wire layout");

/* VFIO_USER_DMA_READ and WRITE; the data follow. */
struct vfio_user_dma_region_access {
	uint64_t addr;
	uint64_t count;
} __attribute__((packed));
static_assert(sizeof(struct vfio_user_dma_region_access) == 16, "wire layout");

/* VFIO_USER_DEVICE_GET_REGION_IO_FDS */
#define VFIO_USER_IO_FD_TYPE_IOEVENTFD  0u
#define VFIO_USER_IO_FD_TYPE_IOREGIONFD 1u

struct vfio_user_region_io_fds {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t count;
} __attribute__((packed));
static_assert(sizeof(struct vfio_user_region_io_fds) == 16, "wire layout");

struct vfio_user_ioeventfd {
	uint64_t offset;
	uint64_t size;
	uint32_t fd_index;
	uint32_t type;
	uint32_t flags; /* KVM_IOEVENTFD_FLAG_* */
	uint32_t padding;
	uint64_t datamatch;
} __attribute__((packed));
static_assert(sizeof(struct vfio_user_ioeventfd) == 40, "wire layout");

/* VFIO_USER_DEVICE_FEATURE; the feature's data follow. flags as VFIO_DEVICE_FEATURE_*. */
struct vfio_user_device_feature {
	uint32_t argsz;
	uint32_t flags;
} __attribute__((packed));
static_assert(sizeof(struct vfio_user_device_feature) == 8, "wire layout");

#endif /* LM_VFIO_USER_H */
