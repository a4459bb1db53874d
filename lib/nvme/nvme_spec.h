/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * nvme_spec.h - numbers of the NVM Express specifications, and bytes as these lay them out.
 *
 * Base: NVM Express Base Specification 2.0. NVM: NVM Command Set Specification 1.0. PCIe: NVMe over
 * PCIe Transport Specification 1.0. Structures are pages of bytes: what is put where stands beside
 * the code that puts it, by the offsets of the specification. All is little-endian.
 */
#ifndef LM_NVME_SPEC_H
#define LM_NVME_SPEC_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

/* Base 3.1.3, figure 33 ff.; doorbells PCIe 3.1.2 */
enum {
	NVME_CAP = 0x00,
	NVME_VS = 0x08,
	NVME_INTMS = 0x0c,
	NVME_INTMC = 0x10,
	NVME_CC = 0x14,
	NVME_CSTS = 0x1c,
	NVME_NSSR = 0x20,
	NVME_AQA = 0x24,
	NVME_ASQ = 0x28,
	NVME_ACQ = 0x30,
	NVME_CRTO = 0x68,
	NVME_DOORBELLS = 0x1000,
};

#define NVME_VERSION 0x00020000u

/* CAP: 3.1.3.1 */
#define NVME_CAP_MQES(n)   ((uint64_t)((n)-1))
#define NVME_CAP_CQR       (1ull << 16)
#define NVME_CAP_TO(t)     ((uint64_t)(t) << 24)
#define NVME_CAP_CSS_NVM   (1ull << 37)
#define NVME_CAP_CSS_IOCSS (1ull << 43)
#define NVME_CAP_CSS_ADMIN (1ull << 44)
#define NVME_CAP_CRWMS     (1ull << 59)
#define NVME_TIMEOUT_500MS 40u

/* CC: 3.1.3.5 */
#define NVME_CC_EN         1u
#define NVME_CC_CSS(cc)    ((cc) >> 4 & 7)
#define NVME_CC_MPS(cc)    ((cc) >> 7 & 15)
#define NVME_CC_AMS(cc)    ((cc) >> 11 & 7)
#define NVME_CC_SHN(cc)    ((cc) >> 14 & 3)
#define NVME_CC_IOSQES(cc) ((cc) >> 16 & 15)
#define NVME_CC_IOCQES(cc) ((cc) >> 20 & 15)
#define NVME_CC_WRITABLE   0x01fffff1u
enum { NVME_CSS_NVM = 0, NVME_CSS_ALL = 6, NVME_CSS_ADMIN = 7 };
enum { NVME_SQES = 6, NVME_CQES = 4 };

/* CSTS: 3.1.3.6 */
enum {
	NVME_CSTS_RDY = 1 << 0,
	NVME_CSTS_CFS = 1 << 1,
	NVME_CSTS_SHST = 3 << 2,
	NVME_CSTS_SHST_OCCURRING = 1 << 2,
	NVME_CSTS_SHST_COMPLETE = 2 << 2,
};

/* Admin opcodes: 5, figure 138 */
enum {
	NVME_DELETE_SQ = 0x00,
	NVME_CREATE_SQ = 0x01,
	NVME_GET_LOG_PAGE = 0x02,
	NVME_DELETE_CQ = 0x04,
	NVME_CREATE_CQ = 0x05,
	NVME_IDENTIFY = 0x06,
	NVME_ABORT = 0x08,
	NVME_SET_FEATURES = 0x09,
	NVME_GET_FEATURES = 0x0a,
	NVME_AER = 0x0c,
	NVME_DOORBELL_BUFFER = 0x7c,
	NVME_FORMAT = 0x80,
	NVME_ADMIN_VENDOR = 0xc0,
};

/* NVM 3, figure 9 */
enum {
	NVME_FLUSH = 0x00,
	NVME_WRITE = 0x01,
	NVME_READ = 0x02,
	NVME_COMPARE = 0x05,
	NVME_WRITE_ZEROES = 0x08,
	NVME_DSM = 0x09,
	NVME_VERIFY = 0x0c,
};

/* Dword 0 of a command: 3.3.3.1, figure 86 */
#define NVME_FUSE(dw0) ((dw0) >> 8 & 3)
#define NVME_PSDT(dw0) ((dw0) >> 14 & 3)
#define NVME_CID(dw0)  ((uint16_t)((dw0) >> 16))
enum { NVME_NO_DATA = 0, NVME_TO_CONTROLLER = 1, NVME_TO_HOST = 2, NVME_BOTH_WAYS = 3 };

/* Status of a completion: 3.3.3.2, figure 93 */
#define NVME_STATUS_CODE 0x07ffu
#define NVME_STATUS_MORE 0x2000u
#define NVME_STATUS_DNR  0x4000u

/* SGL descriptors: 4.1.2, figure 106 ff. */
enum {
	NVME_SGL_DATA = 0x0,
	NVME_SGL_BUCKET = 0x1,
	NVME_SGL_SEGMENT = 0x2,
	NVME_SGL_LAST_SEGMENT = 0x3,
};

/* Identify: 5.17, figure 273 */
enum {
	NVME_CNS_NS = 0x00,
	NVME_CNS_CTRL = 0x01,
	NVME_CNS_NS_LIST = 0x02,
	NVME_CNS_NS_DESCRIPTORS = 0x03,
	NVME_CNS_SET_NS = 0x05,
	NVME_CNS_SET_CTRL = 0x06,
	NVME_CNS_SET_NS_LIST = 0x07,
	NVME_CNS_NS_COMMON = 0x08,
	NVME_CNS_SETS = 0x1c,
};

/* Features: 5.27.1, figure 317 */
enum {
	NVME_FEAT_ARBITRATION = 0x01,
	NVME_FEAT_POWER = 0x02,
	NVME_FEAT_TEMPERATURE = 0x04,
	NVME_FEAT_ERROR_RECOVERY = 0x05,
	NVME_FEAT_WRITE_CACHE = 0x06,
	NVME_FEAT_QUEUES = 0x07,
	NVME_FEAT_COALESCING = 0x08,
	NVME_FEAT_VECTOR = 0x09,
	NVME_FEAT_ATOMICITY = 0x0a,
	NVME_FEAT_EVENTS = 0x0b,
	NVME_FEAT_TIMESTAMP = 0x0e,
	NVME_FEAT_KEEP_ALIVE = 0x0f,
	NVME_FEAT_HOST_BEHAVIOR = 0x16,
	NVME_FEAT_SET_PROFILE = 0x19,
	NVME_FEAT_HOST_ID = 0x81,
};

/* Log pages: 5.16.1, figure 202 */
enum {
	NVME_LOG_SUPPORTED = 0x00,
	NVME_LOG_ERROR = 0x01,
	NVME_LOG_SMART = 0x02,
	NVME_LOG_FIRMWARE = 0x03,
	NVME_LOG_CHANGED_NS = 0x04,
	NVME_LOG_EFFECTS = 0x05,
	NVME_LOG_FEATURES = 0x12,
};

/* Asynchronous events: 5.2.1, figure 145 ff. */
enum { NVME_EVENT_ERROR = 0, NVME_EVENT_SMART = 1, NVME_EVENT_NOTICE = 2, NVME_EVENT_TYPES = 8 };
enum { NVME_EVENT_BAD_DOORBELL = 0, NVME_EVENT_BAD_DOORBELL_VALUE = 1 };
enum { NVME_EVENT_NS_CHANGED = 0 };
#define NVME_AEC_NS_CHANGED (1u << 8)

#define NVME_NSID_ALL 0xffffffffu

/* ---- bytes ----------------------------------------------------------------------- */

static inline void nvme_put16(uint8_t *to, uint16_t value)
{
	value = htole16(value);
	memcpy(to, &value, sizeof(value));
}

static inline void nvme_put32(uint8_t *to, uint32_t value)
{
	value = htole32(value);
	memcpy(to, &value, sizeof(value));
}

static inline void nvme_put64(uint8_t *to, uint64_t value)
{
	value = htole64(value);
	memcpy(to, &value, sizeof(value));
}

static inline uint64_t nvme_get64(const uint8_t *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return le64toh(value);
}

static inline uint32_t nvme_get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return le32toh(value);
}

#endif /* LM_NVME_SPEC_H */
