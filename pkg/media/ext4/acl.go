package ext4

import "fmt"

// An access control list as programs and archives have it, struct posix_acl_xattr_header and posix_acl_xattr_entry of
// include/uapi/linux/posix_acl_xattr.h, and as ext4 stores it, struct ext4_acl_header and ext4_acl_entry of
// fs/ext4/acl.h: there an entry has an id only when its tag needs one. Offsets in bytes.
const (
	aclGenericVersion = 2
	aclStoredVersion  = 1
	aclHeaderSize     = 4
	aclEntrySize      = 8
	aclShortSize      = 4
	aclTag            = 0x0
	aclID             = 0x4
	aclUser           = 0x02
	aclGroup          = 0x08
	aclUndefinedID    = 0xFFFFFFFF
)

func aclNeedsID(tag uint16) bool { return tag == aclUser || tag == aclGroup }

// storeACL gives the stored form.
func storeACL(generic record) (record, error) {
	if len(generic) < aclHeaderSize || generic.u32(0) != aclGenericVersion || (len(generic)-aclHeaderSize)%aclEntrySize != 0 {
		return nil, fmt.Errorf("%d bytes that are no access control list", len(generic))
	}
	stored := make(record, aclHeaderSize)
	stored.put32(0, aclStoredVersion)
	for e := generic[aclHeaderSize:]; len(e) > 0; e = e[aclEntrySize:] {
		size := aclShortSize
		if aclNeedsID(e.u16(aclTag)) {
			size = aclEntrySize
		}
		stored = append(stored, e[:size]...)
	}
	return stored, nil
}

// loadACL gives the form that programs know.
func loadACL(stored record) (record, error) {
	if len(stored) < aclHeaderSize || stored.u32(0) != aclStoredVersion {
		return nil, corrupt("%d bytes that are no access control list", len(stored))
	}
	generic := make(record, aclHeaderSize)
	generic.put32(0, aclGenericVersion)
	for e := stored[aclHeaderSize:]; len(e) > 0; {
		size := aclShortSize
		if len(e) >= aclShortSize && aclNeedsID(e.u16(aclTag)) {
			size = aclEntrySize
		}
		if len(e) < size {
			return nil, corrupt("an access control list ends within an entry")
		}
		full := make(record, aclEntrySize)
		full.put32(aclID, aclUndefinedID)
		copy(full, e[:size])
		generic = append(generic, full...)
		e = e[size:]
	}
	return generic, nil
}
