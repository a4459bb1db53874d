/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * usercopy.h - short copies from and to user memory: messages and arguments of most commands.
 *
 * Word by word, in line: what copy_to_user() checks and sets up costs more than such copies do.
 * It would check that the object is as long as the copy; so callers must know that it is.
 */
#ifndef MUSER_USERCOPY_H
#define MUSER_USERCOPY_H

#include <linux/errno.h>
#include <linux/types.h>
#include <linux/uaccess.h>

#define USERCOPY_SHORT 64U

static __always_inline bool usercopy_is_short(size_t len)
{
	return IS_ENABLED(CONFIG_HAVE_EFFICIENT_UNALIGNED_ACCESS) && len <= USERCOPY_SHORT;
}

/* 0 or -EFAULT. */
static inline int usercopy_to(void __user *to, const void *from, size_t len)
{
	if (!usercopy_is_short(len))
		return copy_to_user(to, from, len) ? -EFAULT : 0;
	if (!user_write_access_begin(to, len))
		return -EFAULT;
	unsafe_copy_to_user(to, from, len, fault);
	user_write_access_end();
	return 0;

fault:
	user_write_access_end();
	return -EFAULT;
}

/* 0, or -EFAULT with some of it copied. */
static inline int usercopy_from(void *to, const void __user *from, size_t len)
{
	if (!usercopy_is_short(len))
		return copy_from_user(to, from, len) ? -EFAULT : 0;
	if (!user_read_access_begin(from, len))
		return -EFAULT;
	for (; len >= sizeof(u64); len -= sizeof(u64), to += sizeof(u64), from += sizeof(u64))
		unsafe_get_user(*(u64 *)to, (const u64 __user *)from, fault);
	if (len >= sizeof(u32)) {
		unsafe_get_user(*(u32 *)to, (const u32 __user *)from, fault);
		len -= sizeof(u32);
		to += sizeof(u32);
		from += sizeof(u32);
	}
	for (; len; len--, to++, from++)
		unsafe_get_user(*(u8 *)to, (const u8 __user *)from, fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

#endif /* MUSER_USERCOPY_H */
