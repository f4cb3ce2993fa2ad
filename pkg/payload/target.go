package payload

// Target is what carries a seed into a machine, and how much of it. The zero value is a volume with the seed, which
// carries user-data of any size.
type Target struct {
	// UserData is the largest user-data in bytes, 0 for any.
	UserData int
	// Files is how many files beside user-data the target lays into the machine before cloud-init reads user-data, and
	// FileSize the largest of them in bytes.
	Files, FileSize int
}

// EC2 takes 16 KiB before the encoding as base64: Amazon EC2 User Guide, "Instance user data". It has nothing beside
// user-data that cloud-init would read without asking a server, and so nothing can be split off: instance tags are read
// by nobody, and an include needs a URL.
func EC2() Target { return Target{UserData: 16 << 10} }

// OpenStack takes what fits into 65535 characters of base64, and five files to inject of 10 KiB each: OpenStack Compute
// API, "Create server", user_data and personality; Nova, "Configuration Options", quota.injected_files and
// quota.injected_file_content_bytes, of which these are the defaults. The API has personality up to microversion 2.56.
// cloud-init writes the injected files if the machine has a config drive, and only then (its source
// DataSourceConfigDrive.py, write_injected_files). Vendor data is no place for a machine's: they are the operator's.
func OpenStack() Target { return Target{UserData: 65535 / 4 * 3, Files: 5, FileSize: 10 << 10} }
